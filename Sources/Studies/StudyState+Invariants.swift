import TrimtabSearchSpaces

extension StudyState {
  /// What in this state contradicts itself, one sentence each; empty for every state that a log can lead to.
  ///
  /// Everything that the fold keeps up to date step by step is computed anew from the trials, in O(n).
  public func invariantViolations() -> [String] {
    var violations: [String] = []
    func require(_ holds: Bool, _ violation: @autoclosure () -> String) {
      if !holds { violations.append(violation()) }
    }
    for state in TrialState.allCases {
      let actual = trials.count { $0.state == state }
      require(count(state) == actual, "\(count(state)) trials are counted as \(state.name), and \(actual) are")
    }
    for kind in FailureKind.allCases {
      let actual = trials.count { $0.state == .failed && $0.failure == kind }
      require(count(kind) == actual, "\(count(kind)) failures are counted as '\(kind.name)', and there are \(actual)")
    }
    let fallbacks = trials.count { $0.origin == .fallback }
    require(fallbackCount == fallbacks, "\(fallbackCount) fallbacks are counted, and there are \(fallbacks)")
    let weakened = trials.count { $0.isWeakened }
    require(weakenedCount == weakened, "\(weakenedCount) weakened models are counted, and there are \(weakened)")
    require(
      queue.sorted() == trials.indices.filter { trials[$0].state == .waiting },
      "the queue does not hold each waiting trial once")
    require(
      running.sorted() == trials.indices.filter { trials[$0].state == .running },
      "the list of running trials does not hold each of them once")
    require(
      frozen.sorted() == trials.indices.filter { trials[$0].isFrozen },
      "the list of frozen trials does not hold each of them once")
    violations += trials.indices.flatMap(violations(of:))
    violations += historyViolations() + incumbentViolations() + sumViolations()
    require(eventCount > trials.count, "there are \(trials.count) trials after only \(eventCount) events")
    require(latestTime >= createdAt, "the latest event is earlier than the creation")
    return violations
  }

  private func violations(of number: TrialNumber) -> [String] {
    let trial = trials[number]
    var violations: [String] = []
    func require(_ holds: Bool, _ violation: @autoclosure () -> String) {
      if !holds { violations.append("trial \(number) \(violation())") }
    }
    require(!trial.isFrozen || trial.state == .paused || trial.state == .waiting, "is frozen and \(trial.state.name)")
    require(trial.state != .failed || trial.failure != nil, "failed without a kind of failure")
    require(trial.state != .stopped || trial.stopReason != nil, "was stopped without a reason")
    require(trial.state != .running || trial.runs > 0, "runs without having been started")
    require(trial.resource >= 0 && trial.resource.isFinite, "has the resource \(trial.resource)")
    require(trial.seconds >= 0, "has run for \(trial.seconds) seconds")
    require(Int(trial.parent) < number, "comes from the later trial \(trial.parent)")
    guard let curve = curves[number] else {
      require(spec.fidelity == nil || trial.value.isNaN, "has the value \(trial.value) without a curve")
      return violations
    }
    require(curve.resources.count == curve.values.count, "has a curve of unequal columns")
    require(
      curve.replicates.count == (spec.fidelity?.countsReplicates == true ? curve.values.count : 0),
      "has a curve with \(curve.replicates.count) replicates")
    require(zip(curve.resources, curve.resources.dropFirst()).allSatisfy { $0 < $1 }, "has a curve out of order")
    require(trial.hasReportedObjective, "has a curve, but is said to have reported nothing")
    let last = curve.resources.last ?? .nan
    require(last <= trial.resource, "has a curve up to \(last), and the resource \(trial.resource)")
    require(
      spec.fidelity == nil || curve.values.last?.bitPattern == trial.value.bitPattern,
      "has the value \(trial.value), and its curve ends with \(curve.values.last ?? .nan)")
    return violations
  }

  private func historyViolations() -> [String] {
    var violations: [String] = []
    if history.rowCount != trials.count {
      violations.append("there are \(trials.count) trials and \(history.rowCount) configurations")
    }
    let columns = history.slots + history.units
    if !columns.allSatisfy({ $0.count == history.rowCount }) {
      violations.append("the columns of configurations are of unequal length")
      return violations
    }
    let keys = Set((0..<history.rowCount).map { history.configuration($0).key })
    if keys.count != history.distinctCount {
      violations.append("\(history.distinctCount) different configurations are counted, and there are \(keys.count)")
    }
    return violations
  }

  private func incumbentViolations() -> [String] {
    let candidates = trials.indices.filter(isCandidate)
    guard let incumbent else {
      return candidates.isEmpty ? [] : ["there is no incumbent, and trial \(candidates[0]) could be it"]
    }
    guard candidates.contains(incumbent) else { return ["the incumbent, trial \(incumbent), cannot be it"] }
    var violations: [String] = []
    if let better = candidates.first(where: { isBetter($0, than: incumbent) }) {
      violations.append("trial \(better) is better than the incumbent, trial \(incumbent)")
    }
    if incumbentIsComplete != trials[incumbent].wasCompleted {
      violations.append("the incumbent is \(trials[incumbent].state.name) and taken for the opposite")
    }
    if incumbentChanges.last?.trial != incumbent
      || incumbentChanges.last?.value.bitPattern != trials[incumbent].value.bitPattern
    {
      violations.append("the last change of the incumbent is not the one to trial \(incumbent)")
    }
    return violations
  }

  private func sumViolations() -> [String] {
    func agree(_ a: Double, _ b: Double) -> Bool { a == b || abs(a - b) <= 1e-9 * max(abs(a), abs(b), 1) }
    var violations: [String] = []
    let cost = trials.indices.reduce(0) { $0 + self.cost($1) }
    if !agree(cost, totalCost) { violations.append("the total cost is \(totalCost), and its parts sum to \(cost)") }
    let resource = trials.reduce(0) { $0 + $1.resource }
    if !agree(resource, totalResource) {
      violations.append("the total resource is \(totalResource), and its parts sum to \(resource)")
    }
    let final = trials.indices.filter { trials[$0].state.isFinal }
    let finalCost = final.reduce(0) { $0 + self.cost($1) }
    if final.count != finalCostCount || !agree(finalCost, finalCostSum) {
      violations.append(
        "\(finalCostCount) trials are over at a cost of \(finalCostSum), and there are \(final.count) at \(finalCost)")
    }
    if activeMilliseconds < 0 { violations.append("trials were running for \(activeMilliseconds) ms") }
    return violations
  }
}
