import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabSurrogates

/// A Gaussian process over configurations and levels of the resource, kept up to date with the log.
///
/// Rows are only ever appended between amendments, so a moment of fitting is a number of rows. Parameters are fitted when the
/// rows have grown by a twentieth, from where the fit at an earlier moment ended that is set whenever they have doubled; rows
/// that came since are appended to the factor one by one. So one that has just read the log fits twice, and finds what one
/// that was there all the time has, to the bit.
struct LevelModel: Sendable {
  static let growth = 0.05
  /// The most rows that a fit looks at, and the most with which one from nothing begins.
  static let fitLimit = 256
  static let coarseLimit = 96
  /// The most rows that the fit looks at from which later ones begin. Without that fit, from the few rows of a coarse one,
  /// later ones do not come to their end, and proposals where losses are noisy get much worse.
  static let anchorLimit = 160
  /// By how much rows grow until the model is judged again.
  static let judgingGrowth = 0.25
  /// How many trials there have to be to judge it by.
  static let judgingCount = 20
  /// The most rows in the model, and how many are chosen of more.
  static let rowLimit = 1500
  static let reducedRows = 1000

  let form: LevelKernel.Form
  let transform: OutputTransform
  private(set) var observations: LevelObservations?
  private var anchor = 0
  private var latest = 0
  private var anchorFit: (variables: [Double], isFallback: Bool)?
  private var latestParameters: KernelParameters?
  /// Whether the latest fit found nothing better than where it began, because no density was finite.
  private(set) var isUnfitted = false
  private var cache: Cache?
  private var judged = 0
  /// What ``concordance(_:)`` found at the moment of judging.
  private var found: Double??

  private struct Cache: Sendable {
    var process: GaussianProcess
    /// The observation of each row of the factor.
    var rows: [Int]
    /// Observations up to here are in the factor, or left out of it for good.
    var end: Int
  }

  init(_ form: LevelKernel.Form, transform: OutputTransform = .winsorized) {
    self.form = form
    self.transform = transform
  }

  mutating func absorb(_ event: Event, state: StudyState) {
    if observations?.isOutdated(by: event, state) == true { self = LevelModel(form, transform: transform) }
    LevelObservations.absorb(event, state: state, into: &observations)
    let count = observations?.rows.count ?? 0
    guard count >= 2 else { return }
    if count >= latest + max(1, Int((Double(latest) * Self.growth).rounded(.up))) { fit(at: count) }
    if Double(count) >= Double(judged) * (1 + Self.judgingGrowth) { judge(at: count) }
  }

  private mutating func fit(at count: Int) {
    latest = count
    latestParameters = nil
    cache = nil
    guard count >= 2 * anchor else { return }
    anchor = count
    anchorFit = nil
    // From another anchor another fit would follow.
    judge(at: count)
  }

  private mutating func judge(at count: Int) {
    judged = count
    found = nil
  }

  // MARK: Fitting

  private func scores(_ losses: [Double]) -> [Double] { transform.apply(losses).map { -$0 } }

  private func problem(_ observations: LevelObservations, _ count: Int, limit: Int) -> LevelFit {
    let losses = observations.rows.prefix(count).map(\.loss)
    let chosen = GPSelection.choose(losses, limit: limit)
    return LevelFit(
      observations.points.subset(chosen), scores(chosen.map { losses[$0] }),
      kernel: LevelKernel(form, levels: observations.levels))
  }

  private mutating func parameters(_ observations: LevelObservations) -> KernelParameters? {
    if let latestParameters { return latestParameters }
    guard latest > 0 else { return nil }
    let found = fit(observations, latest)
    isUnfitted = found.isFallback
    latestParameters = found.parameters
    return latestParameters
  }

  /// Fits the first rows, from where the fit at the anchor ended.
  private mutating func fit(
    _ observations: LevelObservations, _ count: Int
  ) -> (parameters: KernelParameters, isFallback: Bool) {
    let start = anchorFit ?? fitAnchor(observations)
    anchorFit = start
    let fit = problem(observations, count, limit: Self.fitLimit)
    let found = count > min(anchor, Self.anchorLimit) ? fit.run(from: [start.variables]) : start
    return (fit.parameters(found.variables), found.isFallback)
  }

  private func fitAnchor(_ observations: LevelObservations) -> (variables: [Double], isFallback: Bool) {
    let coarse = problem(observations, anchor, limit: Self.coarseLimit)
    let found = coarse.run(from: coarse.coldStarts)
    guard anchor > Self.coarseLimit else { return found }
    return problem(observations, anchor, limit: Self.anchorLimit).run(from: [found.variables])
  }

  // MARK: Conditioning

  /// The process conditioned on the observations; its targets are losses turned round and made to look normal. Nil while there
  /// are none, or when it cannot be made.
  mutating func process() -> GaussianProcess? {
    guard let observations, let parameters = parameters(observations) else { return nil }
    if cache == nil {
      let rows = rows(observations, latest)
      let spare = max(16, rows.count / 16)
      guard let process = GaussianProcess(observations.points.subset(rows), parameters, spare: spare) else {
        return nil
      }
      cache = Cache(process: process, rows: rows, end: latest)
    }
    guard var current = cache.take() else { return nil }
    while current.end < observations.rows.count {
      let row = current.end
      if !current.process.append(row, of: observations.points) {
        // Too near to another one for an appended row: the factor is made anew up to here.
        let points = observations.points.subset(current.rows + [row])
        guard let anew = GaussianProcess(points, parameters, spare: 64) else { return nil }
        current.process = anew
      }
      current.rows.append(row)
      current.end += 1
    }
    current.process.setTargets(scores(current.rows.map { observations.rows[$0].loss }))
    cache = current
    return current.process.weights.allSatisfy(\.isFinite) ? current.process : nil
  }

  /// The observations that a model of the first ones is made of.
  private func rows(_ observations: LevelObservations, _ count: Int) -> [Int] {
    GPSelection.choose(
      observations.rows.prefix(count).map(\.loss), limit: count > Self.rowLimit ? Self.reducedRows : Self.rowLimit)
  }

  /// The observation of each row of the process.
  var rowsOfProcess: [Int] { cache?.rows ?? [] }

  // MARK: Judging

  /// How well the model foretells which of two configurations is better at the lowest level: the share of pairs of trials that
  /// it orders as they came out, each trial foretold from all others. Trials count that came about without a model: chosen ones
  /// differ too little to be ordered.
  /// - Returns: 0.5 where it orders them by chance; nil while there are too few, or where there is no model.
  mutating func concordance(_ state: StudyState) -> Double? {
    if let found { return found }
    let result = judgement(state)
    found = .some(result)
    return result
  }

  private mutating func judgement(_ state: StudyState) -> Double? {
    guard let observations, judged > 0 else { return nil }
    let rows = rows(observations, judged)
    var places: [TrialNumber: [Int]] = [:]
    for (place, row) in rows.enumerated() where state.trials[observations.rows[row].trial].origin == .design {
      places[observations.rows[row].trial, default: []].append(place)
    }
    let groups = places.values.filter { observations.rows[rows[$0[0]]].level == 0 }
    guard groups.count >= Self.judgingCount,
      var process = GaussianProcess(observations.points.subset(rows), fit(observations, judged).parameters)
    else { return nil }
    process.setTargets(scores(rows.map { observations.rows[$0].loss }))
    guard let left = process.leavingOut(groups) else { return nil }
    return Self.concordance(groups.map { process.targets[$0[0]] }, left.map { $0.means[0] })
  }

  /// The share of pairs that are in the same order in both, half of those counted that only the second holds to be equal.
  /// Other than in `LevelRanking.loss`, pairs of equal values do not count: where many trials diverge to the same loss, their
  /// order says nothing.
  static func concordance(_ values: [Double], _ foretold: [Double]) -> Double? {
    var (right, count) = (0.0, 0.0)
    for i in values.indices {
      for j in 0..<i where values[i] != values[j] {
        count += 1
        if foretold[i] == foretold[j] {
          right += 0.5
        } else if (foretold[i] < foretold[j]) == (values[i] < values[j]) {
          right += 1
        }
      }
    }
    return count > 0 ? right / count : nil
  }
}
