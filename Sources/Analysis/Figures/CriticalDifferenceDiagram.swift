/// Mean ranks on a line, with a bar over each group of methods that do not differ significantly.
///
/// Source: Demšar, "Statistical comparisons of classifiers over multiple data sets", JMLR 7, 2006, figure 1.
public struct CriticalDifferenceDiagram: Sendable {
  public var title: String
  public var methods: [String]
  /// One a method; 1 is best.
  public var averageRanks: [Double]
  /// Indices of the methods of each group.
  public var groups: [[Int]]
  /// Drawn as a scale; nil where the groups come from tests of pairs.
  public var criticalDifference: Double?
  public var width: Double

  /// Groups from tests of pairs, such as ``PairwiseWilcoxon/groups(alpha:)``.
  public init(
    _ title: String, methods: [String], averageRanks: [Double], groups: [[Int]], width: Double = 720
  ) throws(AnalysisError) {
    try self.init(title, methods, averageRanks, groups, nil, width)
  }

  /// Groups by Nemenyi's test.
  ///
  /// - Parameter taskCount: the number of tasks that the ranks are means over.
  public init(
    _ title: String, methods: [String], averageRanks: [Double], taskCount: Int, alpha: Double = 0.05,
    width: Double = 720
  ) throws(AnalysisError) {
    let difference = try nemenyiDifference(alpha: alpha, methodCount: averageRanks.count, taskCount: taskCount)
    try self.init(title, methods, averageRanks, groupsWithin(difference, of: averageRanks), difference, width)
  }

  private init(
    _ title: String, _ methods: [String], _ averageRanks: [Double], _ groups: [[Int]], _ difference: Double?,
    _ width: Double
  ) throws(AnalysisError) {
    guard methods.count == averageRanks.count, methods.count >= 2 else {
      throw AnalysisError(
        "\(methods.count) methods and \(averageRanks.count) mean ranks; both must be as many, at least two")
    }
    if let i = averageRanks.firstIndex(where: { !($0 >= 1 && $0 <= Double(methods.count)) }) {
      throw AnalysisError("method \(methods[i]) has the mean rank \(averageRanks[i]) of \(methods.count) methods")
    }
    for group in groups where group.contains(where: { !methods.indices.contains($0) }) {
      throw AnalysisError("a group names method \(group.max() ?? 0) of \(methods.count)")
    }
    self.title = title
    self.methods = methods
    self.averageRanks = averageRanks
    self.groups = groups
    criticalDifference = difference
    self.width = width
  }

  public func figure(_ styles: MethodStyles) -> Figure {
    var svg = SVGBuilder()
    if !title.isEmpty { svg.text(title, 12, 22, "tt-title") }
    let order = averageRanks.indices.sorted { (averageRanks[$0], $0) < (averageRanks[$1], $1) }
    let labels = methods.indices.map { "\(methods[$0])  \(numberText(averageRanks[$0], decimals: 2))" }
    // The better half is named on the left, the other on the right.
    let leftCount = (order.count + 1) / 2
    let left = 36 + (order[..<leftCount].map { textWidth(labels[$0]) }.max() ?? 0)
    let right = width - 36 - (order[leftCount...].map { textWidth(labels[$0]) }.max() ?? 0)
    let top = (title.isEmpty ? 30.0 : 56) + (criticalDifference == nil ? 0 : 34)
    func place(_ rank: Double) -> Double {
      left + (rank - 1) / Double(methods.count - 1) * (right - left)
    }

    drawScale(&svg, top: top, place)
    let bars = barRows(place)
    let barsTop = top + 14
    let namesTop = barsTop + 9 * Double((bars.map(\.row).max() ?? -1) + 1) + 12
    var bottom = namesTop
    for (i, method) in order.enumerated() {
      let isLeft = i < leftCount
      let level = isLeft ? i : order.count - 1 - i
      let y = namesTop + 20 * Double(level)
      bottom = max(bottom, y)
      let x = place(averageRanks[method])
      let end = isLeft ? left - 14 : right + 14
      svg.path(
        "M\(coordinateText(x)) \(coordinateText(top))V\(coordinateText(y))H\(coordinateText(end))",
        "tt-line tt-s\(styles.colour(methods[method]))", dashes: styles.dashes(methods[method]))
      svg.text(labels[method], isLeft ? end - 6 : end + 6, y + 4.5, anchor: isLeft ? .end : .start)
    }
    for bar in bars {
      let y = barsTop + 9 * Double(bar.row)
      svg.add(
        "line",
        [
          "class": "tt-ink", "x1": coordinateText(bar.from - 4), "x2": coordinateText(bar.to + 4),
          "y1": coordinateText(y), "y2": coordinateText(y), "stroke-width": "4", "stroke-linecap": "round",
        ])
      // A bar may pass over a method that is not of its group.
      for method in bar.group {
        svg.circle(place(averageRanks[method]), y, 3.6, "tt-dot")
      }
    }
    return Figure(title: title, width: width, height: bottom + 18, notes: [], body: svg.body)
  }

  private func drawScale(_ svg: inout SVGBuilder, top: Double, _ place: (Double) -> Double) {
    svg.line(place(1), top, place(Double(methods.count)), top, "tt-axis")
    let every = methods.count > 24 ? 5 : methods.count > 12 ? 2 : 1
    for rank in 1...methods.count where rank == 1 || rank % every == 0 {
      let x = place(Double(rank))
      svg.line(x, top - 6, x, top, "tt-axis")
      svg.text(String(rank), x, top - 10, "tt-soft", anchor: .middle)
    }
    guard let difference = criticalDifference else { return }
    let shown = min(difference, Double(methods.count - 1))
    let (start, end, y) = (place(1), place(1 + shown), top - 34)
    svg.line(start, y, end, y, "tt-ink", width: 1.5)
    svg.line(start, y - 4, start, y + 4, "tt-ink", width: 1.5)
    svg.line(end, y - 4, end, y + 4, "tt-ink", width: 1.5)
    let text = "critical difference \(numberText(difference, decimals: 2))"
    svg.text(text + (shown < difference ? ", more than the line is long" : ""), end + 8, y + 4.5, "tt-soft")
  }

  /// The bars, each in the first row where it touches no other.
  private func barRows(
    _ place: (Double) -> Double
  ) -> [(group: [Int], from: Double, to: Double, row: Int)] {
    var ends: [Double] = []
    let bars = groups.compactMap { group -> (group: [Int], from: Double, to: Double)? in
      let places = group.map { place(averageRanks[$0]) }
      guard let from = places.min(), let to = places.max() else { return nil }
      return (group, from, to)
    }
    return bars.sorted { ($0.from, $0.to) < ($1.from, $1.to) }.map { bar in
      let row = ends.firstIndex { $0 < bar.from - 16 } ?? ends.count
      if row == ends.count { ends.append(bar.to) } else { ends[row] = bar.to }
      return (bar.group, bar.from, bar.to, row)
    }
  }
}
