import TrimtabSearchSpaces

/// How a problem is to be posed.
public struct ProblemOptions: Sendable, Hashable {
  /// What becomes of a table's several seeds a configuration.
  public enum Seeds: String, Sendable, Hashable, CaseIterable {
    /// Tuning sees the first half of the seeds (rounded down, at least one), one of them drawn a trial; configurations are
    /// judged by their mean over the others. With a single seed both are that one.
    case split
    /// Tuning and judgement both see the mean over all seeds: no noise, and nothing held back.
    case mean
  }

  /// A problem without stored seeds is the same under both.
  public var seeds: Seeds
  /// The measures to optimise, the first being the one whose regret counts; nil means the problem's first one.
  public var objectives: [String]?
  /// The fidelity's name where a problem has several, or `none` for whole evaluations only; nil means the problem's usual one.
  public var fidelity: String?
  /// The resources at which training reports, increasing and ending in the maximum; nil means the problem's usual ones.
  public var resources: [Double]?
  /// Leaves out the configurations of a table whose learning curve is not all finite, or not wholly at or below the least
  /// 95 % quantile over the checkpoints, as in Wistuba, Kadra & Grabocka, "Supervising the multi-fidelity race of
  /// hyperparameter configurations", NeurIPS 2022 (their released preparation of TaskSet).
  public var divergenceFilter: Bool

  public init(
    seeds: Seeds = .split, objectives: [String]? = nil, fidelity: String? = nil, resources: [Double]? = nil,
    divergenceFilter: Bool = false
  ) {
    self.seeds = seeds
    self.objectives = objectives
    self.fidelity = fidelity
    self.resources = resources
    self.divergenceFilter = divergenceFilter
  }
}

extension ProblemOptions {
  /// The names of the options in files: `seeds`, `objectives`, `fidelity`, `resources` and `divergence_filter`. Objectives and
  /// resources are texts separated by commas.
  public static let names = ["seeds", "objectives", "fidelity", "resources", "divergence_filter"]

  /// Takes these options out of scalars by name, and leaves what belongs to others.
  /// - Parameter problem: the name that errors give as their place.
  /// - Throws: `ProblemError` for a value that an option cannot have.
  public init(taking options: inout [String: Choice], problem: String) throws(ProblemError) {
    self.init()
    func failure(_ key: String, _ hint: String) -> ProblemError {
      ProblemError("\(options[key]?.description ?? "") is no value for \(key)", at: problem, hint: hint)
    }
    func items(_ choice: Choice) -> [Substring] { choice.description.split(separator: ",") }
    if let choice = options["seeds"] {
      guard let seeds = Seeds(rawValue: choice.description) else {
        throw failure("seeds", suggestion(for: choice.description, among: Seeds.allCases.map(\.rawValue)))
      }
      self.seeds = seeds
    }
    if let choice = options["objectives"] { objectives = items(choice).map(String.init) }
    if let choice = options["fidelity"] { fidelity = choice.description }
    if let choice = options["resources"] {
      let numbers = items(choice).map { Double($0) }
      guard numbers.allSatisfy({ $0?.isFinite == true }) else { throw failure("resources", "for example \"1,5,50\"") }
      resources = numbers.compactMap(\.self)
    }
    if let choice = options["divergence_filter"] {
      guard case .boolean(let filter) = choice else { throw failure("divergence_filter", "write true or false") }
      divergenceFilter = filter
    }
    for name in Self.names { options[name] = nil }
  }
}
