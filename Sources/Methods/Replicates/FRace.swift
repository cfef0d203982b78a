import TrimtabSearchSpaces
import TrimtabStudies

/// F-race: configurations race over folds or seeds, and a statistical test drops those that are worse. With the sampler
/// ``IteratedRacing``, iterated racing as in irace.
///
/// Sources: see ``Races``, which keeps the races, ``RacePlan`` for their sizes, and ``RaceTest`` for the test.
public struct FRace: Scheduler {
  private(set) var races: Races

  /// - Parameter part: the scheduler's options, as `Catalogue.check` accepts them.
  public init(_ part: PartSpec) { races = Races(part) }

  public mutating func absorb(_ event: Event, state: StudyState) { races.absorb(event, state: state) }

  public mutating func assignment(state: StudyState, canResume: (TrialNumber) -> Bool) -> Assignment {
    guard let fidelity = state.spec.fidelity else { return .new(target: nil, Annotation()) }
    races.begin(state)
    if let resumption = races.resumption(state, canResume) { return resumption }
    // A target below the maximum is told to the trial; at the maximum it is complete.
    guard case .new(let target?, let annotation) = races.newcomer() else { return .wait }
    return .new(target: min(target, fidelity.maximum), annotation)
  }

  public func assignmentWithoutNew(state: StudyState, canResume: (TrialNumber) -> Bool) -> Assignment {
    var ending = races
    ending.begin(state)
    ending.advance(state, isEnding: true)
    if let resumption = ending.resumption(state, canResume) { return resumption }
    return ending.isEmpty ? ending.last(state, canResume) : .wait
  }

  public func verdict(on trial: TrialNumber, state: StudyState) -> Verdict {
    if races.hasLeft(trial), state.trials[trial].hasValue { return .stop }
    return state.verdictAtTarget(trial)
  }
}

extension FRace {
  static let name = "f-race"

  /// What the catalogue says of it.
  public static let entry = CatalogueEntry(
    role: .scheduler, name: name, title: "Racing with a statistical test (F-race)",
    summary: "Races configurations over folds or seeds and drops those that a test over ranks finds worse.",
    paper: .init(
      authors: "M. Birattari, T. Stützle, L. Paquete, K. Varrentrapp",
      title: "A racing algorithm for configuring metaheuristics", year: 2002, venue: "GECCO"),
    takes: Set(CatalogueEntry.Ability.allCases).subtracting([.objectives]), needsFidelity: true,
    options: [
      MethodOption(
        name: "significance", kind: .real(0.0001...0.5), defaultValue: .real(0.05),
        meaning: "how improbable the ranks must be by chance for configurations to be dropped"),
      MethodOption(
        name: "startup", kind: .integer(2...1_000_000), defaultValue: .integer(5),
        meaning: "the number of folds or seeds before the first test"),
      MethodOption(
        name: "survivors", kind: .integer(0...1_000_000), defaultValue: .integer(0),
        meaning: "a race is over when so many are left; 0 for 2 and the logarithm to base 2 of the parameters"),
      MethodOption(
        name: "size", kind: .integer(0...1_000_000), defaultValue: .integer(0),
        meaning: "the number of new configurations in a race; 0 for what its share of the evaluations is enough for"),
      MethodOption(
        name: "evaluations", kind: .integer(0...1_000_000_000), defaultValue: .integer(0),
        meaning:
          "the number of folds or seeds to plan for, all trials together; 0 for what the budget's trials need"),
    ],
    inspect: WilcoxonStopping.replicateProblems(of: name))
}
