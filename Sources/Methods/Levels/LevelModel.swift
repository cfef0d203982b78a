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
  /// The most rows in the model, and how many are chosen of more.
  static let rowLimit = 1500
  static let reducedRows = 1000

  let form: LevelKernel.Form
  let transform: OutputTransform
  private(set) var observations: LevelObservations?
  private var anchor = 0
  private var latest = 0
  private var anchorVariables: [Double]?
  private var latestParameters: KernelParameters?
  /// Whether the latest fit found nothing better than where it began, because no density was finite.
  private(set) var isUnfitted = false
  private var cache: Cache?

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
    if case .studyAmended = event.body { self = LevelModel(form, transform: transform) }
    LevelObservations.absorb(event, state: state, into: &observations)
    let count = observations?.rows.count ?? 0
    guard count >= 2, count >= latest + max(1, Int((Double(latest) * Self.growth).rounded(.up))) else { return }
    latest = count
    latestParameters = nil
    cache = nil
    guard count >= 2 * anchor else { return }
    anchor = count
    anchorVariables = nil
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
    let start: [Double]
    if let anchorVariables {
      start = anchorVariables
    } else {
      let coarse = problem(observations, anchor, limit: Self.coarseLimit)
      var found = coarse.run(from: coarse.coldStarts)
      if anchor > Self.coarseLimit {
        found = problem(observations, anchor, limit: Self.anchorLimit).run(from: [found.variables])
      }
      isUnfitted = found.isFallback
      start = found.variables
      anchorVariables = start
    }
    let fit = problem(observations, latest, limit: Self.fitLimit)
    var variables = start
    if latest > min(anchor, Self.anchorLimit) { (variables, isUnfitted) = fit.run(from: [start]) }
    let found = fit.parameters(variables)
    latestParameters = found
    return found
  }

  // MARK: Conditioning

  /// The process conditioned on the observations; its targets are losses turned round and made to look normal. Nil while there
  /// are none, or when it cannot be made.
  mutating func process() -> GaussianProcess? {
    guard let observations, let parameters = parameters(observations) else { return nil }
    if cache == nil {
      let losses = observations.rows.prefix(latest).map(\.loss)
      let rows = GPSelection.choose(losses, limit: latest > Self.rowLimit ? Self.reducedRows : Self.rowLimit)
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

  /// The observation of each row of the process.
  var rowsOfProcess: [Int] { cache?.rows ?? [] }
}
