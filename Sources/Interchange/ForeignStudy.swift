import TrimtabSearchSpaces
import TrimtabStudies

/// A trial of another tool, before it has a place in a Trimtab study.
public struct ForeignTrial: Sendable {
  /// How it ended.
  public enum Outcome: Sendable, Equatable {
    case completed
    /// Stopped early, because it would not have paid.
    case pruned
    case failed(FailureKind, message: String)
    /// It had not ended when it was read.
    case running
    /// It had not begun when it was read.
    case waiting
  }

  /// One parameter with the domain from which this trial drew it.
  public struct Value: Sendable {
    public var name: String
    /// Nil where the source tells a value alone.
    public var domain: Domain?
    public var value: ParameterValue

    public init(_ name: String, _ domain: Domain?, _ value: ParameterValue) {
      self.name = name
      self.domain = domain
      self.value = value
    }
  }

  /// What it reported on the way.
  public struct Report: Sendable {
    public var step: Int
    /// Nil where the source does not tell.
    public var time: Timestamp?
    public var metrics: [MetricValue]

    public init(step: Int, time: Timestamp? = nil, metrics: [MetricValue]) {
      self.step = step
      self.time = time
      self.metrics = metrics
    }
  }

  /// What messages call it, such as `trial 3` or `line 12`.
  public var label: String
  public var outcome: Outcome
  public var parameters: [Value] = []
  /// Whether a waiting trial has all the values that it needs; otherwise the others are filled in.
  public var isWhole = false
  /// The final value of each objective; empty or nil where there is none.
  public var values: [Double?] = []
  /// In the order of their steps, each step once.
  public var reports: [Report] = []
  /// Final values of metrics that are no objectives.
  public var metrics: [MetricValue] = []
  public var started: Timestamp?
  public var ended: Timestamp?
  /// What people or programs noted on it.
  public var notes: [JSONValue.Member] = []

  public init(label: String, outcome: Outcome) {
    self.label = label
    self.outcome = outcome
  }
}

/// A study of another tool.
public struct ForeignStudy: Sendable {
  public var name: String
  /// The tool's name, as messages have it.
  public var tool: String
  /// The file, as messages have it.
  public var source: String
  public var objectives: [Objective]
  public var trials: [ForeignTrial] = []
  public var notes: [JSONValue.Member] = []
  /// The choices of parameters as the source has them, where they had to be changed.
  public var choices: [JSONValue.Member] = []
  /// What was not taken over as it stood, in words for a person.
  public var remarks: [String] = []
  /// The specification of the study that Trimtab wrote to this source.
  public var specification: StudySpec?
  /// The space, where a person said what it is.
  public var space: Space?
  /// The resource of each step, where steps do not stand for themselves.
  public var resources: [Double]?

  public init(name: String, tool: String, source: String, objectives: [Objective]) {
    self.name = name
    self.tool = tool
    self.source = source
    self.objectives = objectives
  }
}
