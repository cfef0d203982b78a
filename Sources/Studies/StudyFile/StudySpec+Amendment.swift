import TrimtabSearchSpaces

extension StudySpec {
  /// Checks that this specification may replace `earlier` in a running study, so that its results keep their meaning.
  ///
  /// Allowed: another budget, condition for stopping, method, parallelism, command, output pattern, environment, limits, retries, constraints, outcome constraints,
  /// maximum of the fidelity and way to pause, and what `Space.checkSucceeds` allows.
  /// - Throws: `SpaceError` naming the key of the study file that was changed in another way.
  public func checkSucceeds(_ earlier: StudySpec) throws(SpaceError) {
    func fixed(_ place: String, _ what: String) -> SpaceError {
      SpaceError("\(what) cannot change in a running study", at: place, hint: "start a new study instead")
    }
    guard name == earlier.name else { throw fixed("study", "the name") }
    guard objectives == earlier.objectives else { throw fixed("objective", "what is optimised") }
    switch (fidelity, earlier.fidelity) {
    case (nil, nil): break
    case (let new?, let old?):
      guard new.name == old.name else { throw fixed("fidelity.name", "the fidelity's name") }
      guard new.minimum == old.minimum else { throw fixed("fidelity.min", "the least resource") }
      guard new.isInteger == old.isInteger else { throw fixed("fidelity.integer", "the kind of resource") }
      guard new.countsReplicates == old.countsReplicates else {
        throw fixed("fidelity.replicates", "the kind of resource")
      }
    case (nil, _?), (_?, nil): throw fixed("fidelity", "whether there is a fidelity")
    }
    guard seed == earlier.seed else { throw fixed("seed", "the seed") }
    guard grows == earlier.grows else { throw fixed("grows", "whether the space grows") }
    guard costMetric == earlier.costMetric else { throw fixed("cost", "the cost metric") }
    guard transfer == earlier.transfer else { throw fixed("transfer", "what the study learns from at its beginning") }
    guard durability == earlier.durability else { throw fixed("durability", "what results survive") }
    do {
      try space.checkSucceeds(earlier.space)
    } catch {
      throw SpaceError(error.message, at: error.place.map { "space.\($0)" } ?? "space", hint: error.hint)
    }
  }
}
