import TrimtabSearchSpaces
import TrimtabStudies

/// What the catalogue knows of a sampler or scheduler: its source, what it can take, and its options.
public struct CatalogueEntry: Sendable {
  /// What a method decides.
  public enum Role: String, Sendable, CaseIterable {
    case sampler
    case scheduler
  }

  /// Where a method was published.
  public struct Paper: Sendable, Hashable, CustomStringConvertible {
    public var authors: String
    public var title: String
    public var year: Int
    /// Journal or conference, with the arXiv number when there is one.
    public var venue: String

    public var description: String { "\(authors): \(title). \(venue), \(year)" }
  }

  /// A property of a study that a method may or may not be able to take.
  public enum Ability: String, Sendable, CaseIterable {
    case float
    case integer
    case categorical
    case conditional
    case constraints
    case permutation
    case simplex
    /// More than one objective.
    case objectives
    /// Several trials at a time.
    case parallel
    /// Objectives that differ from run to run.
    case noise
  }

  public var role: Role
  /// The name in a study file.
  public var name: String
  public var title: String
  /// One sentence.
  public var summary: String
  /// Nil where there is no paper to cite.
  public var paper: Paper?
  /// The properties of studies that it can take.
  public var takes: Set<Ability>
  /// Whether it needs trials that report over a resource.
  public var needsFidelity: Bool
  public var options: [MethodOption]
  /// Whether it takes conditions on what trials report.
  public var takesOutcomeConstraints = false
  /// Problems beyond those that follow from the fields above.
  var inspect: @Sendable (StudySpec) -> [MethodProblem] = { _ in [] }

  /// The page that describes it, relative to the root of the repository.
  public var page: String { "docs/methods/\(name).md" }
}

/// An option of a method as a study file gives it.
public struct MethodOption: Sendable {
  /// The values that an option takes.
  public enum Kind: Sendable {
    case integer(ClosedRange<Int>)
    case real(ClosedRange<Double>)
    case word([String])
    /// The name of a parameter of the study's space, or nothing.
    case name
  }

  public var name: String
  public var kind: Kind
  public var defaultValue: Choice
  /// What it does, in one line.
  public var meaning: String

  /// What may stand in a study file.
  public var range: String {
    switch kind {
    case .integer(let range): "a whole number from \(range.lowerBound) to \(range.upperBound)"
    case .real(let range):
      "a number from \(JSONValue.plainText(range.lowerBound)) to \(JSONValue.plainText(range.upperBound))"
    case .word(let words): words.joined(separator: " or ")
    case .name: "the name of a parameter"
    }
  }

  func accepts(_ value: Choice) -> Bool {
    switch kind {
    case .integer(let range): if case .integer(let number) = value { range.contains(number) } else { false }
    case .real(let range): value.number.map(range.contains) ?? false
    case .word(let words): words.contains(value.description)
    case .name: true
    }
  }
}

/// Why a study cannot be given to its method.
public struct MethodProblem: Sendable, Equatable, CustomStringConvertible {
  /// The keys that lead to the place in the study file, such as `["method", "scheduler", "eta"]`.
  public var path: [String]
  public var message: String
  /// What to do about it.
  public var hint: String?

  public init(_ path: [String], _ message: String, hint: String? = nil) {
    self.path = path
    self.message = message
    self.hint = hint
  }

  public var description: String {
    "\(path.joined(separator: ".")): \(message)" + (hint.map { " (\($0))" } ?? "")
  }
}

/// All the reasons why a study cannot be given to its method.
public struct MethodError: Error, Sendable, Equatable, CustomStringConvertible {
  public var problems: [MethodProblem]

  public init(_ problems: [MethodProblem]) { self.problems = problems }

  public var description: String { problems.map(\.description).joined(separator: "\n") }
}

extension CatalogueEntry {
  /// The value of one of this entry's options in a part of a study file: what stands there, or the default.
  func value(_ option: String, in part: PartSpec) -> Choice? {
    part.options[option] ?? options.first { $0.name == option }?.defaultValue
  }

  func integer(_ option: String, in part: PartSpec) -> Int {
    if case .integer(let number) = value(option, in: part) { number } else { 0 }
  }

  func real(_ option: String, in part: PartSpec) -> Double { value(option, in: part)?.number ?? .nan }

  func word(_ option: String, in part: PartSpec) -> String { value(option, in: part)?.description ?? "" }
}
