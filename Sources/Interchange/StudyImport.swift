import TrimtabSearchSpaces
import TrimtabStudies

/// Another tool's study made into a Trimtab study: its specification, and what must be said about it.
///
/// Nothing is written here. `events(at:)` gives the log.
public struct StudyImport: Sendable {
  public struct Options: Sendable {
    /// The study's name; nil takes the source's.
    public var name: String?
    /// Whether a parameter that only some trials have gets a condition where all trials obey one.
    public var infersConditions = true
    public var seed: UInt64

    public init(name: String? = nil, infersConditions: Bool = true, seed: UInt64) {
      self.name = name
      self.infersConditions = infersConditions
      self.seed = seed
    }
  }

  /// What the study will be. The method may be replaced before `events(at:)`.
  public var spec: StudySpec
  /// What was widened, renamed, inferred or taken otherwise than it stood, a sentence each.
  public private(set) var remarks: [String]
  let study: ForeignStudy
  let curves: CurvePlan

  /// - Throws: `InterchangeError` or `SpaceError` naming what cannot be taken over.
  public init(_ study: ForeignStudy, options: Options) throws {
    self.study = study
    remarks = study.remarks
    guard !study.trials.isEmpty else {
      throw InterchangeError(at: study.source, "the study '\(study.name)' has no trials, so there is nothing to import")
    }
    let name = options.name ?? Self.name(from: study.name)
    guard StudySpec.isName(name) else {
      throw InterchangeError(
        at: study.source, "'\(name)' cannot be the name of a study", hint: "use letters, digits, _ - and .")
    }
    if options.name == nil, name != study.name {
      remarks.append("the study's name '\(study.name)' became '\(name)'")
    }
    if let given = study.specification, Self.fits(study, given.space) {
      spec = given
      spec.name = name
      remarks.append("space, objectives and method are those that Trimtab wrote beside the trials")
    } else {
      let space =
        try study.space ?? Self.space(of: study, infersConditions: options.infersConditions, &remarks)
      spec = StudySpec(
        name: name, space: space, objectives: study.objectives,
        method: .usual(objectives: study.objectives.count, fidelity: nil))
    }
    curves = CurvePlan(study, given: study.specification?.fidelity, hasSpecification: study.specification != nil)
    spec.fidelity = curves.fidelity
    if study.specification == nil {
      spec.method = .usual(objectives: spec.objectives.count, fidelity: spec.fidelity)
    }
    spec.seed = options.seed
    remarks += curves.remarks
  }

  /// Other characters than a study's name may have become `_`.
  static func name(from text: String) -> String {
    let plain = String(text.prefix(100).map { StudySpec.isName("a\($0)") ? $0 : "_" })
    return StudySpec.isName(plain) ? plain : "_" + plain.dropFirst(plain.count > 99 ? 1 : 0)
  }

  // MARK: Space

  /// Whether a space has a place for every value.
  private static func fits(_ study: ForeignStudy, _ space: Space) -> Bool {
    study.trials.allSatisfy { trial in
      trial.outcome == .waiting
        || trial.parameters.allSatisfy { item in
          guard let index = space.index(of: item.name) else { return false }
          return slots(of: item.value, space.parameters[index].domain) != nil
        }
    }
  }

  private static func space(
    of study: ForeignStudy, infersConditions: Bool, _ remarks: inout [String]
  ) throws -> Space {
    var union = SpaceUnion()
    for trial in study.trials {
      for item in trial.parameters {
        guard let domain = item.domain else { continue }
        try union.add(item.name, domain, label: trial.label)
      }
    }
    remarks += union.remarks
    var parameters = union.parameters
    guard !parameters.isEmpty else {
      throw InterchangeError(
        at: study.source, "no trial of '\(study.name)' has a parameter, so there is no space to search")
    }
    let rows = study.trials.filter { $0.outcome != .waiting }.map { trial in
      ConditionInference.Row(
        values: Dictionary(trial.parameters.map { ($0.name, $0.value) }) { $1 }, isWhole: trial.outcome == .completed)
    }
    let inference = ConditionInference(parameters: parameters, rows: rows)
    let whole = rows.filter(\.isWhole)
    for index in parameters.indices {
      let name = parameters[index].name
      let count = whole.count { $0.values[name] != nil }
      guard count < whole.count else { continue }
      let share = "\(name): \(count) of \(whole.count) complete trials have it"
      if infersConditions, let condition = inference.condition(of: index) {
        parameters[index].condition = condition
        remarks.append("\(share), exactly those with \(condition.description), which is its condition now")
      } else {
        remarks.append(
          "\(share)" + (infersConditions ? ", and no other parameter tells which" : "") + "; every new trial has it")
      }
    }
    do {
      return try Space(parameters)
    } catch {
      // A circle of conditions is possible: two parameters that appear together with each other's absence.
      guard parameters.contains(where: { $0.condition != nil }) else { throw error }
      let plain = try Space(union.parameters)
      remarks.append("the conditions above do not go together (\(error.message)): none is kept")
      return plain
    }
  }

  /// The raw numbers of a value; nil when the domain has no place for it. A number beyond its range has one: what was
  /// tried was tried.
  static func slots(of value: ParameterValue, _ domain: Domain) -> [Double]? {
    switch (domain, value) {
    case (.float, .real(let number)): return number.isFinite ? [number] : nil
    case (.float, .integer(let number)): return [Double(number)]
    case (.float, .choice(let choice)), (.integer, .choice(let choice)):
      return choice.number.flatMap { slots(of: .real($0), domain) }
    case (.integer, .integer(let number)): return number.magnitude <= 1 << 53 ? [Double(number)] : nil
    case (.integer, .real(let number)):
      return number == number.rounded() && number.magnitude <= 0x1p53 ? [number] : nil
    case (.categorical(let choices), .choice(let choice)), (.ordinal(let choices), .choice(let choice)):
      let index = choices.firstIndex(of: choice) ?? choices.firstIndex { $0.description == choice.description }
      return index.map { [Double($0)] }
    case (.boolean, .choice(.boolean(let flag))): return [flag ? 1 : 0]
    case (.constant(let constant), .choice(let choice)): return constant == choice ? [0] : nil
    case (.permutation(let items), .permutation(let order)):
      let slots = order.compactMap { item in items.firstIndex(of: item).map(Double.init) }
      return slots.count == items.count && Set(slots).count == items.count ? slots : nil
    case (.simplex(let parts), .simplex(let weights)): return parts.count == weights.count ? weights : nil
    default: return nil
    }
  }
}
