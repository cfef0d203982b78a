import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabSurrogates

/// What the model says of a proposal, and of itself.
extension CARBS {
  private static let title = Fact("method", "CARBS: steps from the front of value against cost")

  private func metric(_ state: StudyState) -> String { state.spec.objectives[0].metric }

  /// The objective in its own units.
  private func value(_ output: Double, _ state: StudyState) -> Double { -state.spec.objectives[0].sign * output }

  private func unit(_ state: StudyState) -> String { state.spec.costMetric ?? "seconds" }

  /// The nearest trials by steps of the search.
  private func nearest(_ point: [Double], _ data: CARBSData) -> [Explanation.Neighbour] {
    let all = data.rows.map {
      Explanation.Neighbour(trial: $0.trial, distance: BasicSpace.distance($0.point, point))
    }
    return Array(
      all.sorted { ($0.distance, $0.trial) < ($1.distance, $1.trial) }.prefix(Explanation.neighbourLimit))
  }

  public mutating func explanation(
    of configuration: Configuration, trial: TrialNumber, target: Double?, state: StudyState
  ) -> Explanation {
    let observations = observed(state)
    let basic = basicSpace(state)
    let data = CARBSData(observations, basic, state)
    let place = basic.point(configuration) ?? []
    let neighbours = nearest(place, data)
    if let fact = designFact(observations, state) {
      let distance = place.reduce(0) { $0 + $1 * $1 }.squareRoot()
      return Explanation(
        [Self.title, fact, Fact("distance to the centre of the search", distance)], neighbours: neighbours)
    }
    if repetition(data, state) == configuration, let group = data.places[configuration].map({ data.groups[$0] }) {
      var facts = [
        Self.title,
        Fact("step", "again: of the front the one with the fewest trials, to learn of its noise"),
        Fact("trials of it", "\(group.count)"),
        Fact("mean \(metric(state))", value(group.output, state)), Fact("mean cost, \(unit(state))", group.cost),
      ]
      facts += frontFacts(CostFront.front(data.groups, share: share, isConservative: false), state)
      return Explanation(facts + dataFacts(data, state), neighbours: neighbours)
    }
    guard let model = model(data, basic, trial, state), !place.isEmpty || basic.axes.isEmpty,
      let judged = judge([(configuration, place)], model, observations, trial, state).first
    else {
      let lack = data.rows.isEmpty ? ": no trial with a value has a cost above 0" : ""
      return Explanation(
        [Self.title, Fact("step", "a random step: the model cannot be made\(lack)")] + dataFacts(data, state),
        neighbours: neighbours)
    }
    let threshold = threshold(model, trial, state)
    let judgement = judged.judgement
    var facts = [Self.title]
    facts += modelFacts(model, state)
    facts.append(Fact("expected \(metric(state))", value(model.transform.inverse(judgement.mean), state)))
    let ends = [-1.0, 1].map { value(model.transform.inverse(judgement.mean + $0 * judgement.deviation), state) }
    facts.append(
      Fact("68 % interval", "\(Fact.rounded(min(ends[0], ends[1]))) to \(Fact.rounded(max(ends[0], ends[1])))"))
    facts.append(Fact("expected cost, \(unit(state))", exponential(judgement.logCost)))
    facts.append(
      Fact(
        "to be exceeded",
        "\(Fact.rounded(value(model.transform.inverse(judgement.target), state))), what the front gives at "
          + "this cost, and at least what it gives at \(Fact.rounded(exponential(threshold.logCost)))"))
    facts.append(Fact("expected improvement, in deviations", exponential(judgement.improvement)))
    facts.append(Fact("distance to the front", judgement.distance))
    if judged.feasible != 0 {
      facts.append(Fact("probability of a value", exponential(judged.feasible / FailureLessons.weight(state))))
    }
    if mostCost > 0 { facts.append(Fact("most cost", mostCost)) }
    return Explanation(facts + dataFacts(data, state), neighbours: neighbours)
  }

  private func frontFacts(_ front: [CostGroup], _ state: StudyState) -> [Fact] {
    guard let first = front.first, let last = front.last else { return [] }
    func text(_ group: CostGroup) -> String {
      "\(Fact.rounded(value(group.output, state))) at \(Fact.rounded(group.cost))"
    }
    return [
      Fact(
        "front", front.count == 1 ? text(first) : "\(front.count) configurations, \(text(first)) to \(text(last))")
    ]
  }

  private func modelFacts(_ model: CARBSModel, _ state: StudyState) -> [Fact] {
    var facts = [Fact("trials in the model", "\(model.rows.count)")]
    if model.pendingCount > 0 {
      facts.append(Fact("pending trials", "\(model.pendingCount), with values drawn from the model"))
    }
    return facts + frontFacts(model.front, state)
  }

  /// What the models have not seen.
  private func dataFacts(_ data: CARBSData, _ state: StudyState) -> [Fact] {
    var facts: [Fact] = []
    if data.leftOut > 0 {
      facts.append(Fact("left out", "\(data.leftOut) with a value, but no cost above 0 or no place in the space"))
    }
    let failed = state.trials.indices.filter { state.trials[$0].state == .failed }
    if !failed.isEmpty {
      let cost = failed.reduce(0) { $0 + state.cost($1) }
      facts.append(Fact("failed trials", "\(failed.count), at a cost of \(Fact.rounded(cost))"))
    }
    return facts
  }

  public mutating func modelReport(state: StudyState) -> ModelReport? {
    let observations = observed(state)
    let basic = basicSpace(state)
    let data = CARBSData(observations, basic, state)
    var stream = RandomStream(seed: 0, purpose: Self.purpose, index: 0)
    guard isReady(observations, state),
      let model = CARBSModel(data, basic, radius: radius, share: share, pending: [], &stream),
      let left = model.output.leaveOneOut()
    else { return nil }
    var facts = [Self.title] + modelFacts(model, state)
    facts += model.front.map { group in
      let count = group.count > 1 ? ", mean of \(group.count)" : ""
      return Fact(
        "trial \(data.rows[group.members[0]].trial)",
        "\(Fact.rounded(value(group.output, state))) at \(Fact.rounded(group.cost)) \(unit(state))\(count)")
    }
    facts.append(Fact("deviation of the noise, in deviations of the values", model.output.noise.squareRoot()))
    let predictions = model.rows.indices.map { i in
      let deviation = left.variances[i].squareRoot()
      let (low, high) = (
        model.transform.inverse(left.means[i] - deviation), model.transform.inverse(left.means[i] + deviation)
      )
      return ModelReport.Prediction(
        trial: model.rows[i].trial, observed: value(model.rows[i].output, state),
        predicted: value(model.transform.inverse(left.means[i]), state), deviation: 0.5 * (high - low))
    }
    return ModelReport(facts + dataFacts(data, state), predictions: predictions)
  }
}
