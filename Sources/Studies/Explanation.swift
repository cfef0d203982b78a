import TrimtabSearchSpaces

/// One thing that a method knows, for people and for programs.
public struct Fact: Sendable, Equatable {
  public var name: String
  public var text: String
  /// The number behind the text, where there is one.
  public var number: Double?

  public init(_ name: String, _ text: String) {
    self.name = name
    self.text = text
  }

  /// A number to four digits.
  public init(_ name: String, _ number: Double) {
    self.name = name
    self.number = number
    text = Self.rounded(number)
  }

  /// A number to four significant digits.
  public static func rounded(_ number: Double) -> String {
    guard number.isFinite, number != 0 else { return JSONValue.plainText(number) }
    var scale = 1.0
    while abs(number) * scale < 1000, scale < 1e15 { scale *= 10 }
    while abs(number) * scale >= 10_000, scale > 1e-300 { scale /= 10 }
    return JSONValue.plainText(
      scale >= 1 ? (number * scale).rounded() / scale : (number * scale).rounded() * (1 / scale))
  }
}

/// Why a method proposes a configuration.
public struct Explanation: Sendable, Equatable {
  /// A trial with a value, and how far the method holds it to be from the configuration.
  public struct Neighbour: Sendable, Equatable {
    public var trial: TrialNumber
    public var distance: Double

    public init(trial: TrialNumber, distance: Double) {
      self.trial = trial
      self.distance = distance
    }
  }

  /// The method and the state of its model, what it expects of the configuration, and how good it looks to it.
  public var facts: [Fact]
  /// The most similar trials with a value, nearest first.
  public var neighbours: [Neighbour]

  /// The most neighbours that are named.
  public static let neighbourLimit = 5

  public init(_ facts: [Fact], neighbours: [Neighbour] = []) {
    self.facts = facts
    self.neighbours = neighbours
  }
}

/// What a method's model is like, and how well it predicts trials that it has not seen.
public struct ModelReport: Sendable, Equatable {
  /// A trial as the model predicts it from all the others, in the objective's own units.
  public struct Prediction: Sendable, Equatable {
    public var trial: TrialNumber
    public var observed: Double
    public var predicted: Double
    /// Half the length of an interval that holds the value with a probability of 68 %.
    public var deviation: Double

    public init(trial: TrialNumber, observed: Double, predicted: Double, deviation: Double) {
      self.trial = trial
      self.observed = observed
      self.predicted = predicted
      self.deviation = deviation
    }
  }

  public var facts: [Fact]
  /// In the order in which the trials got their values.
  public var predictions: [Prediction]

  public init(_ facts: [Fact], predictions: [Prediction] = []) {
    self.facts = facts
    self.predictions = predictions
  }
}

extension Sampler {
  public mutating func explanation(
    of configuration: Configuration, trial: TrialNumber, target: Double?, state: StudyState
  ) -> Explanation {
    Explanation(
      [Fact("trials with a value", "\(state.trials.filter(\.hasValue).count)")],
      neighbours: Self.neighbours(of: configuration, before: trial, state: state))
  }

  public mutating func modelReport(state: StudyState) -> ModelReport? { nil }

  /// The trials with a value that are nearest on the unit cube: the root of the mean square over coordinates, of which one
  /// that is active in one of the two alone, or a different choice, counts 1. In a space that grows what a trial did not use
  /// does not count.
  public static func neighbours(
    of configuration: Configuration, before trial: TrialNumber, state: StudyState
  ) -> [Explanation.Neighbour] {
    let space = state.spec.space
    var units = [Double](repeating: .nan, count: space.coordinates.count)
    space.encode(configuration) { units[$0] = $1 }
    let all = (0..<min(trial, state.trials.count)).filter { state.trials[$0].hasValue }.map { row in
      var sum = 0.0
      for c in units.indices {
        let other = state.history.units[c][row]
        if units[c].isNaN || other.isNaN {
          sum += state.spec.grows || (units[c].isNaN && other.isNaN) ? 0 : 1
        } else if case .choices = space.coordinates[c].kind {
          sum += units[c] == other ? 0 : 1
        } else {
          sum += (units[c] - other) * (units[c] - other)
        }
      }
      return Explanation.Neighbour(trial: row, distance: (sum / Double(max(1, units.count))).squareRoot())
    }
    return Array(
      all.sorted { ($0.distance, $0.trial) < ($1.distance, $1.trial) }.prefix(Explanation.neighbourLimit))
  }
}
