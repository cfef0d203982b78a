/// The frame of a chart with two axes: it places the axes, and draws all that is not data.
struct Plot {
  let x: AxisLayout
  let y: AxisLayout
  let left: Double
  let right: Double
  let top: Double
  let bottom: Double
  let width: Double
  let height: Double
  var svg = SVGBuilder()

  /// - Parameters:
  ///   - xValues, yValues: what the axes must hold.
  ///   - rightMargin: room for labels beside the plot.
  ///   - legendHeight: room for a legend below it.
  init(
    title: String, xAxis: Axis, yAxis: Axis, xValues: [Double], yValues: [Double], width: Double, height: Double,
    rightMargin: Double, legendHeight: Double
  ) {
    self.width = width
    self.height = height
    top = title.isEmpty ? 14 : 40
    bottom = height - 48 - legendHeight
    right = width - max(rightMargin, 18)
    let y = yAxis.layout(yValues, from: bottom, to: top, padding: 0.04)
    let yTicks = y.ticks(about: Int((bottom - top) / 50))
    let labelWidth = yTicks.compactMap(\.label).map { textWidth($0) }.max() ?? 0
    left = 34 + labelWidth
    self.y = y
    x = xAxis.layout(xValues, from: left, to: right)

    if !title.isEmpty { svg.text(title, 12, 22, "tt-title") }
    drawGrid(yTicks)
    svg.text(xAxis.title, (left + right) / 2, bottom + 40, "tt-soft", anchor: .middle)
    svg.text(yAxis.title, 16, (top + bottom) / 2, "tt-soft", anchor: .middle, isVertical: true)
  }

  private mutating func drawGrid(_ yTicks: [AxisLayout.Tick]) {
    for tick in yTicks {
      let place = y.position(tick.value)
      svg.line(left, place, right, place, tick.label == nil ? "tt-faint" : "tt-grid")
      if let label = tick.label { svg.text(label, left - 7, place + 4.5, "tt-soft", anchor: .end) }
    }
    var free = -Double.infinity
    for tick in x.ticks(about: Int((right - left) / 75)) {
      let place = x.position(tick.value)
      svg.line(place, top, place, bottom, tick.label == nil ? "tt-faint" : "tt-grid")
      guard let label = tick.label else { continue }
      let half = textWidth(label) / 2
      // A label that would touch the one before it says no more than its line.
      if place - half < free { continue }
      svg.line(place, bottom, place, bottom + 4, "tt-axis")
      svg.text(label, place, bottom + 19, "tt-soft", anchor: .middle)
      free = place + half + 6
    }
    svg.line(left, bottom, right, bottom, "tt-axis")
    svg.line(left, top, left, bottom, "tt-axis")
  }

  /// Draws what must not leave the plot: coordinates stay those of the figure.
  mutating func clipped(_ draw: (inout SVGBuilder) -> Void) {
    // A line along an edge is not to lose half its width.
    let place = [left - 1, top - 1, right - left + 2, bottom - top + 2].map(coordinateText)
    // A nested drawing clips without a name, which two figures of one page might share.
    svg.open(
      "svg",
      [
        "x": place[0], "y": place[1], "width": place[2], "height": place[3], "viewBox": place.joined(separator: " "),
      ])
    draw(&svg)
    svg.close("svg")
  }

  /// Names beside the right end of the plot, each as near as possible to its place without touching another.
  mutating func label(_ names: [(text: String, y: Double, colour: String)]) {
    let order = names.indices.sorted { names[$0].y < names[$1].y }
    let places = Self.spread(order.map { names[$0].y }, within: (top + 4)...(bottom - 2), gap: 15)
    for (i, place) in zip(order, places) {
      let name = names[i]
      let start = min(max(name.y, top), bottom)
      svg.path(
        "M\(coordinateText(right + 2)) \(coordinateText(start))L\(coordinateText(right + 12)) \(coordinateText(place))",
        "tt-line tt-s\(name.colour)")
      svg.text(name.text, right + 16, place + 4.5)
    }
  }

  /// Increasing places at least `gap` apart, near those wanted: neighbours that are too close share the shift. Where there
  /// is no room for all, the gaps shrink.
  static func spread(_ wanted: [Double], within range: ClosedRange<Double>, gap: Double) -> [Double] {
    guard wanted.count > 1 else { return wanted.map { min(max($0, range.lowerBound), range.upperBound) } }
    let gap = min(gap, (range.upperBound - range.lowerBound) / Double(wanted.count - 1))
    // Each group stands gap by gap about the mean of what its members want.
    var groups: [(start: Double, count: Int, sum: Double)] = []
    for place in wanted {
      groups.append((start: 0, count: 1, sum: place))
      while true {
        let last = groups.count - 1
        let size = Double(groups[last].count - 1) * gap
        let centred = groups[last].sum / Double(groups[last].count) - size / 2
        groups[last].start = min(max(centred, range.lowerBound), range.upperBound - size)
        guard last > 0, groups[last].start < groups[last - 1].start + Double(groups[last - 1].count) * gap - 1e-9
        else { break }
        groups[last - 1].count += groups[last].count
        groups[last - 1].sum += groups[last].sum
        groups.removeLast()
      }
    }
    return groups.flatMap { group in (0..<group.count).map { group.start + Double($0) * gap } }
  }
}

/// Names with samples of their lines, in rows.
struct Legend {
  let rows: [[(name: String, x: Double)]]
  var height: Double { rows.isEmpty ? 0 : Double(rows.count) * 20 + 6 }

  init(_ names: [String], width: Double) {
    var rows: [[(name: String, x: Double)]] = []
    var x = Double.infinity
    for name in names {
      let own = textWidth(name) + 50
      if x + own > width - 12 {
        rows.append([])
        x = 20
      }
      rows[rows.count - 1].append((name, x))
      x += own
    }
    self.rows = rows
  }

  func draw(in svg: inout SVGBuilder, top: Double, styles: MethodStyles) {
    for (row, entries) in rows.enumerated() {
      let y = top + 20 * Double(row) + 10
      for (name, x) in entries {
        let line = "M\(coordinateText(x)) \(coordinateText(y))H\(coordinateText(x + 24))"
        svg.path(line, "tt-line tt-s\(styles.colour(name))", dashes: styles.dashes(name))
        svg.text(name, x + 30, y + 4.5)
      }
    }
  }
}
