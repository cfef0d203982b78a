import TrimtabAnalysis
import TrimtabSearchSpaces
import TrimtabStudies

/// Stops a trial of which the folds or seeds seen so far show that it is worse than the best complete one.
///
/// Each replicate is compared with the same replicate of the best trial, by Wilcoxon's signed-rank test that the paired
/// differences are above zero; so no fold is ever compared with another one, and a hard fold that comes first stops nobody.
/// Sources: Wilcoxon, Biometrics Bulletin 1(6), 1945; the rule is that of Optuna's WilcoxonPruner: a trial is stopped when the
/// test is significant and its mean is not the better one.
public struct WilcoxonStopping: Scheduler {
  let significance: Double
  let startup: Int

  /// - Parameter part: the scheduler's options, as `Catalogue.check` accepts them.
  public init(_ part: PartSpec) {
    significance = Self.entry.real("significance", in: part)
    startup = Self.entry.integer("startup", in: part)
  }

  public mutating func absorb(_ event: Event, state: StudyState) {}

  public func assignment(state: StudyState, canResume: (TrialNumber) -> Bool) -> Assignment {
    state.resumptionOfInterrupted(canResume) ?? .new(target: state.spec.fidelity?.maximum, Annotation())
  }

  public func assignmentWithoutNew(state: StudyState, canResume: (TrialNumber) -> Bool) -> Assignment {
    state.resumptionOfInterrupted(canResume) ?? .wait
  }

  public func verdict(on trial: TrialNumber, state: StudyState) -> Verdict {
    guard let incumbent = state.incumbent, incumbent != trial, state.trials[incumbent].wasCompleted,
      let own = state.curves[trial]?.replicates, let best = state.curves[incumbent]?.replicates
    else { return .proceed }
    let sign = state.spec.objectives[0].sign
    let differences = zip(own, best).map { ($0 - $1) * sign }
    // A value that is no number makes the trial fail at its end; there is nothing to compare until then.
    guard differences.count >= startup, differences.allSatisfy({ !$0.isNaN }), differences.reduce(0, +) >= 0,
      let test = try? WilcoxonTest(differences, alternative: .greater)
    else { return .proceed }
    return test.p < significance ? .stop : .proceed
  }
}

extension WilcoxonStopping {
  /// What the catalogue says of it.
  public static let entry: CatalogueEntry = CatalogueEntry(
    role: .scheduler, name: "wilcoxon", title: "Stopping by Wilcoxon's test over folds or seeds",
    summary: "Stops trials that are significantly worse than the best on the same folds or seeds.",
    paper: .init(
      authors: "F. Wilcoxon", title: "Individual comparisons by ranking methods", year: 1945,
      venue: "Biometrics Bulletin 1(6)"),
    takes: Set(CatalogueEntry.Ability.allCases).subtracting([.objectives]), needsFidelity: true,
    options: [
      MethodOption(
        name: "significance", kind: .real(0...1), defaultValue: .real(0.1),
        meaning: "how improbable the differences must be by chance for a trial to be stopped"),
      MethodOption(
        name: "startup", kind: .integer(1...1_000_000), defaultValue: .integer(2),
        meaning: "the number of folds or seeds before which no trial is stopped"),
    ],
    inspect: replicateProblems(of: "wilcoxon"))

  /// The problem of a study whose resource counts replicates, with a scheduler that follows how a loss falls.
  static func curveProblems(of name: String) -> @Sendable (StudySpec) -> [MethodProblem] {
    { spec in
      guard let fidelity = spec.fidelity, fidelity.countsReplicates else { return [] }
      return [
        MethodProblem(
          ["method", "scheduler"],
          "\(name) looks at how a trial gets better with \(fidelity.name), and its replicates are compared one by one only",
          hint: "use wilcoxon or racing, which compare the same folds or seeds")
      ]
    }
  }

  /// The problem of a study whose resource is something else than replicates.
  static func replicateProblems(of name: String) -> @Sendable (StudySpec) -> [MethodProblem] {
    { spec in
      guard let fidelity = spec.fidelity, !fidelity.countsReplicates else { return [] }
      return [
        MethodProblem(
          ["method", "scheduler"], "\(name) compares folds or seeds, and \(fidelity.name) counts none",
          hint: "add replicates: true to the fidelity if it does")
      ]
    }
  }
}
