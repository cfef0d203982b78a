import TrimtabStudies
import TrimtabSurrogates

/// What trials with a value teach of the outcome constraints: where they are met.
struct OutcomeLessons: Sendable {
  private struct Kept: Sendable {
    var constraint: OutcomeConstraint
    /// The rows of which the fit was made, and their points: an amended space has other ones.
    var rows: ArraySlice<Observations.Row>
    var points: FeaturePoints
    var fit: OutcomeModel.Fit?
  }

  private var kept: [Kept] = []

  /// How many of so many rows the kernel's parameters are found with: so that these are found anew whenever there are a
  /// quarter more, and depend on the rows alone.
  static func moment(_ count: Int) -> Int {
    guard count > 8 else { return count }
    var moment = 8.0
    while (moment * 1.25).rounded(.down) <= Double(count) { moment = (moment * 1.25).rounded(.down) }
    return Int(moment)
  }

  /// A model for each constraint of which anything is known.
  mutating func models(_ observations: Observations, _ state: StudyState) -> [OutcomeModel] {
    let constraints = state.spec.outcomeConstraints
    kept.removeAll { !constraints.contains($0.constraint) }
    return constraints.compactMap { constraint in
      var known: [Int] = []
      var excesses: [Double] = []
      for (i, row) in observations.rows.enumerated() {
        guard let excess = state.excess(row.trial, over: constraint), excess.isFinite else { continue }
        known.append(i)
        excesses.append(excess)
      }
      guard !known.isEmpty else { return nil }
      let count = Self.moment(known.count)
      let rows = ArraySlice(known.prefix(count).map { observations.rows[$0] })
      var place = kept.firstIndex { $0.constraint == constraint }
      let points = observations.points.subset(known.prefix(count))
      if let found = place, kept[found].rows != rows || kept[found].points != points {
        kept.remove(at: found)
        place = nil
      }
      if place == nil {
        let fit = OutcomeModel.Fit(points, Array(excesses.prefix(count)))
        kept.append(Kept(constraint: constraint, rows: rows, points: points, fit: fit))
      }
      guard let fit = kept[place ?? kept.count - 1].fit else { return nil }
      return OutcomeModel(
        observations.points.subset(Array(known.suffix(OutcomeModel.limit))),
        Array(excesses.suffix(OutcomeModel.limit)), fit)
    }
  }
}
