import Trimtab

/// A study into whose queue runs are put that a law or plan proposes.
struct TrialQueue {
  let session: Session
  let location: StudyLocation
  /// As the command line named it.
  let study: String

  /// - Parameter study: a study file or a store; a study file's study is created when there is none yet.
  init(_ study: String) throws {
    self.study = study
    location = try StudyLocation(study)
    session = try location.openSession().session
  }

  /// Puts runs in the queue: a value belongs to the parameter of its name, or says how far the trial is to run where the
  /// study's fidelity is called so.
  /// - Parameter others: values of further parameters, as texts; each parameter must have a value here or a default.
  /// - Returns: the trials' numbers.
  /// - Throws: `CommandError`, `SpaceError` or `SessionError` before anything is put in the queue.
  func add(_ runs: [[(name: String, value: Double)]], others: [(name: String, value: String)]) throws -> [TrialNumber] {
    let space = session.state.spec.space
    let fidelity = session.state.spec.fidelity
    let given = try others.map { ($0.name, try space.value($0.value, of: try index($0.name))) }
    var trials: [(configuration: Configuration, resource: Double?)] = []
    for run in runs {
      var values = given
      var resource: Double?
      for (name, value) in run {
        if name == fidelity?.name {
          resource = fidelity?.isInteger == true ? value.rounded() : value
        } else {
          let index = try index(name)
          let isInteger = if case .integer = space.parameters[index].domain { true } else { false }
          values.append((name, try space.value(Shown.exact(isInteger ? value.rounded() : value), of: index)))
        }
      }
      let named = Set(values.map(\.0))
      if let missing = space.parameters.first(where: {
        !named.contains($0.name) && $0.defaultValue == nil && $0.fixedValue == nil
      }) {
        throw CommandError(
          .badInput, "\(study): '\(missing.name)' has no default: say its value with --set \(missing.name)=…")
      }
      trials.append((try space.configuration(values.map { (name: $0.0, value: $0.1) }), resource))
    }
    return try trials.map { try session.enqueue($0.configuration, resource: $0.resource) }
  }

  private func index(_ name: String) throws -> Int {
    if let index = session.state.spec.space.index(of: name) { return index }
    throw CommandError(
      .badInput,
      "\(study): the study has neither a parameter nor a fidelity '\(name)' (a parameter is called as the column is; "
        + "--column N=size reads N from 'size')")
  }

  /// What to do with so many trials.
  func advice(_ count: Int) -> String { "then:  trimtab tune \(shellWord(study)) --trials \(count)" }
}
