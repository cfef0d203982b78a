/// Estimates with their intervals, one below the other, as points or as bars.
public struct IntervalChart: Sendable {
  public struct Row: Sendable {
    /// The method, which gives the colour, or any other name, which is grey.
    public var name: String
    /// The ends are NaN where there is no interval. Where the estimate is NaN, the row says so instead.
    public var value: Interval
    /// Written beside the row; nil writes the estimate and its interval.
    public var text: String?

    public init(_ name: String, _ value: Interval, text: String? = nil) {
      self.name = name
      self.value = value
      self.text = text
    }

    public init(_ name: String, _ estimate: Double, text: String? = nil) {
      self.init(name, Interval(estimate: estimate, lower: .nan, upper: .nan), text: text)
    }
  }

  public enum Form: Sendable {
    case points
    /// From zero on a linear axis, from the left edge on a logarithmic one.
    case bars
  }

  public var title: String
  public var axis: Axis
  public var rows: [Row]
  public var form: Form
  /// A value of note, such as the 1 of a ratio; nil for none.
  public var mark: Double?
  public var width: Double

  public init(
    _ title: String, axis: Axis, rows: [Row], form: Form = .points, mark: Double? = nil, width: Double = 720
  ) {
    self.title = title
    self.axis = axis
    self.rows = rows
    self.form = form
    self.mark = mark
    self.width = width
  }

  public func figure(_ styles: MethodStyles) -> Figure {
    var svg = SVGBuilder()
    if !title.isEmpty { svg.text(title, 12, 22, "tt-title") }
    let texts = rows.map { $0.text ?? Self.text($0.value) }
    let left = 24 + (rows.map { textWidth($0.name) }.max() ?? 0)
    let right = width - 24 - (texts.map { textWidth($0) }.max() ?? 0)
    let top = title.isEmpty ? 12.0 : 36
    let bottom = top + 26 * Double(rows.count) + 6
    var values = rows.flatMap { [$0.value.estimate, $0.value.lower, $0.value.upper] }
    if let mark { values.append(mark) }
    if form == .bars, axis.scale == .linear { values.append(0) }
    let layout = axis.layout(values, from: left, to: right, padding: 0.04)

    var free = -Double.infinity
    for tick in layout.ticks(about: Int((right - left) / 75)) {
      let x = layout.position(tick.value)
      svg.line(x, top, x, bottom, tick.label == nil ? "tt-faint" : "tt-grid")
      guard let label = tick.label, x - textWidth(label) / 2 > free else { continue }
      svg.text(label, x, bottom + 17, "tt-soft", anchor: .middle)
      free = x + textWidth(label) / 2 + 6
    }
    svg.line(left, bottom, right, bottom, "tt-axis")
    if let mark, axis.canShow(mark), layout.holds(mark) {
      let x = layout.position(mark)
      svg.path("M\(coordinateText(x)) \(coordinateText(top))V\(coordinateText(bottom))", "tt-axis", dashes: "4 3")
    }
    svg.text(axis.title, (left + right) / 2, bottom + 38, "tt-soft", anchor: .middle)

    for (i, row) in rows.enumerated() {
      let y = top + 26 * Double(i) + 16
      svg.text(row.name, left - 10, y + 4.5, anchor: .end)
      draw(row, &svg, y, layout, styles.colour(row.name))
      svg.text(texts[i], right + 10, y + 4.5, "tt-soft")
    }
    let hidden = rows.filter { !$0.value.estimate.isNaN && !axis.canShow($0.value.estimate) }.map(\.name)
    let notes =
      hidden.isEmpty ? [] : ["No place on the axis: \(hidden.joined(separator: ", "))."]
    return Figure(title: title, width: width, height: bottom + 50, notes: notes, body: svg.body)
  }

  private func draw(_ row: Row, _ svg: inout SVGBuilder, _ y: Double, _ layout: AxisLayout, _ colour: String) {
    func place(_ value: Double) -> Double {
      // An interval that leaves the axis, such as one down to 0 on a logarithmic one, runs to its edge.
      if !axis.canShow(value) { return value > layout.low ? layout.end : layout.start }
      return min(max(layout.position(value), layout.start), layout.end)
    }
    let value = row.value
    if form == .bars, axis.canShow(value.estimate) {
      let base = axis.scale == .linear ? place(0) : layout.start
      let end = place(value.estimate)
      svg.rectangle(min(base, end), y - 8, abs(end - base), 16, "tt-f\(colour)")
    }
    if !value.lower.isNaN, !value.upper.isNaN {
      let kind = form == .bars ? "tt-ink" : "tt-s\(colour)"
      let (from, to) = (place(value.lower), place(value.upper))
      svg.line(from, y, to, y, kind, width: 2)
      svg.line(from, y - 5, from, y + 5, kind, width: 2)
      svg.line(to, y - 5, to, y + 5, kind, width: 2)
    }
    if form == .points, axis.canShow(value.estimate), layout.holds(value.estimate) {
      svg.circle(place(value.estimate), y, 4.5, "tt-f\(colour)")
    }
  }

  /// The estimate, and its interval where there is one.
  static func text(_ value: Interval) -> String {
    let estimate = numberText(value.estimate, significant: 3)
    guard !value.lower.isNaN, !value.upper.isNaN else { return estimate }
    return "\(estimate)  [\(numberText(value.lower, significant: 3)), \(numberText(value.upper, significant: 3))]"
  }
}
