/// Curves of methods with bands of confidence.
public struct LineChart: Sendable {
  /// One curve.
  public struct Series: Sendable {
    /// The method, which gives the colour, or any other name, which is grey.
    public var name: String
    /// Increasing.
    public var x: [Double]
    /// As many; the curve has a gap where one cannot be shown.
    public var y: [Double]
    /// The ends of the band at each x; nil for none.
    public var band: (lower: [Double], upper: [Double])?
    /// Whether values hold until the next x, as those of incumbents do, instead of being joined by straight lines.
    public var isStepped: Bool
    /// Whether only points are drawn, as of single measurements, in any order of x.
    public var isScattered = false

    public init(
      _ name: String, x: [Double], y: [Double], band: (lower: [Double], upper: [Double])? = nil,
      isStepped: Bool = true
    ) {
      self.name = name
      self.x = x
      self.y = y
      self.band = band
      self.isStepped = isStepped
    }

    /// Single measurements.
    public init(_ name: String, points: [(x: Double, y: Double)]) {
      self.init(name, x: points.map(\.x), y: points.map(\.y))
      isScattered = true
    }

    /// An estimate on a grid with its intervals.
    public init(_ name: String, grid: [Double], _ band: Band, isStepped: Bool = true) {
      self.init(name, x: grid, y: band.estimate, band: (band.lower, band.upper), isStepped: isStepped)
    }

    /// A step curve, which goes on level to `end`.
    public init(_ name: String, _ curve: StepCurve, to end: Double) {
      var x = curve.budgets
      var y = curve.values
      if let last = x.last, let value = y.last, last < end {
        x.append(end)
        y.append(value)
      }
      self.init(name, x: x, y: y)
    }
  }

  /// A horizontal line at a value of note.
  public struct Mark: Sendable {
    public var y: Double
    public var name: String

    public init(_ name: String, at y: Double) {
      self.name = name
      self.y = y
    }
  }

  /// Where the names of the curves stand.
  public enum Names: Sendable {
    /// Beside the right end of each curve.
    case beside
    /// In a legend below.
    case below
  }

  public var title: String
  public var x: Axis
  public var y: Axis
  public var series: [Series]
  public var marks: [Mark]
  public var names: Names
  public var width: Double
  public var height: Double

  /// - Parameters:
  ///   - title: empty for none, such as where a caption says it.
  ///   - names: nil writes up to ten beside the curves, more in a legend.
  public init(
    _ title: String, x: Axis, y: Axis, series: [Series], marks: [Mark] = [], names: Names? = nil, width: Double = 720,
    height: Double = 420
  ) {
    self.title = title
    self.x = x
    self.y = y
    self.series = series
    self.marks = marks
    self.names = names ?? (series.count <= 10 ? .beside : .below)
    self.width = width
    self.height = height
  }

  public func figure(_ styles: MethodStyles) -> Figure {
    let xValues = series.flatMap(\.x)
    let yValues = series.flatMap { $0.y + ($0.band?.lower ?? []) + ($0.band?.upper ?? []) } + marks.map(\.y)
    let legend = Legend(names == .below ? series.map(\.name) : [], width: width)
    let nameWidth = names == .beside ? series.map { textWidth($0.name) }.max() ?? 0 : 0
    var plot = Plot(
      title: title, xAxis: x, yAxis: y, xValues: xValues, yValues: yValues, width: width, height: height,
      rightMargin: names == .beside ? nameWidth + 26 : 18, legendHeight: legend.height)

    let (xLayout, yLayout) = (plot.x, plot.y)
    let (left, right, top) = (plot.left, plot.right, plot.top)
    plot.clipped { svg in
      for mark in marks where y.canShow(mark.y) {
        let place = yLayout.position(mark.y)
        svg.path("M\(coordinateText(left)) \(coordinateText(place))H\(coordinateText(right))", "tt-axis", dashes: "4 3")
        svg.text(mark.name, left + 8, place < top + 20 ? place + 15 : place - 5, "tt-note")
      }
      for item in series {
        svg.path(bandPath(item, xLayout, yLayout), "tt-band tt-f\(styles.colour(item.name))")
      }
      for item in series where !item.isScattered {
        svg.path(
          linePath(item, xLayout, yLayout), "tt-line tt-s\(styles.colour(item.name))",
          dashes: styles.dashes(item.name))
        // A point between gaps has no line to be seen by.
        for stretch in stretches(item, { y.canShow(item.y[$0]) }, count: item.y.count) where stretch.count == 1 {
          let i = stretch.lowerBound
          svg.circle(
            xLayout.position(item.x[i]), yLayout.position(item.y[i]), 3.5, "tt-f\(styles.colour(item.name))")
        }
      }
      for item in series where item.isScattered {
        for (px, py) in zip(item.x, item.y) where x.canShow(px) && y.canShow(py) {
          svg.circle(xLayout.position(px), yLayout.position(py), 3.5, "tt-f\(styles.colour(item.name))")
        }
      }
    }
    if names == .beside {
      plot.label(
        series.compactMap { item in
          guard let last = item.y.last(where: { y.canShow($0) }) else { return nil }
          return (item.name, yLayout.position(last), styles.colour(item.name))
        })
    } else {
      legend.draw(in: &plot.svg, top: plot.bottom + 48, styles: styles)
    }
    return Figure(title: title, width: width, height: height, notes: notes(), body: plot.svg.body)
  }

  /// What cannot be seen, by curve.
  private func notes() -> [String] {
    series.compactMap { item in
      let shown = min(item.x.count, item.y.count)
      let hidden = (0..<shown).count { !x.canShow(item.x[$0]) || !y.canShow(item.y[$0]) }
      if shown == 0 || hidden == shown { return "\(item.name) has nothing to show." }
      return hidden == 0
        ? nil : "\(item.name): \(hidden) of \(shown) points have no place on the axes and are not drawn."
    }
  }

  /// The stretches of points without a gap.
  private func stretches(_ item: Series, _ canShow: (Int) -> Bool, count: Int) -> [Range<Int>] {
    let count = min(item.x.count, count)
    var found: [Range<Int>] = []
    var start = 0
    for i in 0...count where i == count || !x.canShow(item.x[i]) || !canShow(i) {
      if start < i { found.append(start..<i) }
      start = i + 1
    }
    return found
  }

  private func linePath(_ item: Series, _ xLayout: AxisLayout, _ yLayout: AxisLayout) -> String {
    stretches(item, { y.canShow(item.y[$0]) }, count: item.y.count).map { stretch in
      stretch.map { i in
        let (px, py) = (coordinateText(xLayout.position(item.x[i])), coordinateText(yLayout.position(item.y[i])))
        if i == stretch.lowerBound { return "M\(px) \(py)" }
        return item.isStepped ? "H\(px)V\(py)" : "L\(px) \(py)"
      }.joined()
    }.joined()
  }

  /// A band runs out of the plot where an end has no place on the axis, such as 0 on a logarithmic one.
  private func bandPath(_ item: Series, _ xLayout: AxisLayout, _ yLayout: AxisLayout) -> String {
    guard let band = item.band else { return "" }
    func place(_ value: Double, otherwise edge: Double) -> String {
      coordinateText(yLayout.position(y.canShow(value) ? value : edge))
    }
    let count = min(band.lower.count, band.upper.count)
    return stretches(item, { !band.lower[$0].isNaN && !band.upper[$0].isNaN }, count: count).map { stretch in
      var path = ""
      for i in stretch {
        let px = coordinateText(xLayout.position(item.x[i]))
        let py = place(band.upper[i], otherwise: yLayout.high)
        path += i == stretch.lowerBound ? "M\(px) \(py)" : item.isStepped ? "H\(px)V\(py)" : "L\(px) \(py)"
      }
      for i in stretch.reversed() {
        let px = coordinateText(xLayout.position(item.x[i]))
        let py = place(band.lower[i], otherwise: yLayout.low)
        path += i == stretch.upperBound - 1 || !item.isStepped ? "L\(px) \(py)" : "V\(py)H\(px)"
      }
      return path + "Z"
    }.joined()
  }
}
