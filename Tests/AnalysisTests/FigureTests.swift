import Foundation
import XCTest

@testable import TrimtabAnalysis

#if canImport(FoundationXML)
  import FoundationXML
#endif

final class FigureTests: XCTestCase {
  let styles = MethodStyles(["random", "tpe", "a<b & \"c\""])

  /// All texts of a drawing, if it is well-formed XML.
  private final class Texts: NSObject, XMLParserDelegate {
    var found: [String] = []
    var elements: [String] = []
    private var current = ""

    func parser(
      _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
      attributes: [String: String]
    ) {
      elements.append(name)
      current = ""
    }
    func parser(_ parser: XMLParser, foundCharacters text: String) { current += text }
    func parser(
      _ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?
    ) {
      if name == "text" { found.append(current) }
      current = ""
    }
  }

  private func read(_ figure: Figure, line: UInt = #line) -> Texts {
    let parser = XMLParser(data: Data(figure.svg.utf8))
    let texts = Texts()
    parser.delegate = texts
    XCTAssertTrue(parser.parse(), "\(String(describing: parser.parserError))", line: line)
    for tag in figure.svg.split(separator: ">") where !tag.contains("</") {
      // How a coordinate that is not a number would be printed.
      XCTAssertFalse(tag.contains("–") || tag.contains("∞"), "\(tag)", line: line)
    }
    for word in ["<script", "href", "url(", "@import"] {
      XCTAssertFalse(figure.svg.contains(word), "\(word) needs something from outside", line: line)
    }
    return texts
  }

  private func chart(_ series: [LineChart.Series], names: LineChart.Names? = nil) -> LineChart {
    LineChart(
      "Regret <of> methods", x: Axis("evaluations"), y: Axis("regret", scale: .logarithmic), series: series,
      names: names)
  }

  // MARK: Curves

  func testACurveKeepsItsValueUntilTheNextStep() {
    let item = LineChart.Series("tpe", x: [0, 1, 2], y: [1, 0.5, 0.25])
    let stepped = chart([item]).figure(styles)
    let path = stepped.svg.split(separator: "\n").first { $0.contains("tt-line tt-s1") } ?? ""
    XCTAssertFalse(path.contains("L"), "an incumbent is not interpolated: \(path)")
    XCTAssertEqual(path.filter { $0 == "H" }.count, 2)
    var joined = item
    joined.isStepped = false
    let straight =
      chart([joined]).figure(styles).svg.split(separator: "\n").first { $0.contains("tt-line tt-s1") } ?? ""
    XCTAssertEqual(straight.filter { $0 == "L" }.count, 2)
  }

  func testAMethodHasOneColourInAllFigures() {
    let line = chart([.init("tpe", x: [0, 1], y: [1, 0.5])]).figure(styles).svg
    let bars = IntervalChart("", axis: Axis("x"), rows: [.init("tpe", 3)], form: .bars).figure(styles).svg
    XCTAssertTrue(line.contains("tt-s1\""))
    XCTAssertTrue(bars.contains("tt-f1\""))
    XCTAssertTrue(chart([.init("unlisted", x: [0, 1], y: [1, 0.5])]).figure(styles).svg.contains("tt-sx\""))
    let many = MethodStyles((0..<20).map { "m\($0)" })
    let looks = many.methods.map { many.colour($0) + (many.dashes($0) ?? "") }
    XCTAssertEqual(Set(looks).count, 20)
  }

  func testNamesStandBesideUpToTenCurvesAndBelowMore() {
    let few = (0..<10).map { LineChart.Series("m\($0)", x: [0, 1], y: [1, 0.5]) }
    let texts = read(chart(few).figure(styles))
    XCTAssertTrue((0..<10).allSatisfy { texts.found.contains("m\($0)") })
    let more = few + [LineChart.Series("m10", x: [0, 1], y: [1, 0.5])]
    XCTAssertEqual(chart(more).names, .below)
    XCTAssertTrue(read(chart(more).figure(styles)).found.contains("m10"))
  }

  func testTextIsEscaped() {
    let figure = chart([.init("a<b & \"c\"", x: [0, 1], y: [1, 0.5])]).figure(styles)
    let texts = read(figure).found
    XCTAssertTrue(texts.contains("a<b & \"c\""))
    XCTAssertTrue(texts.contains("Regret <of> methods"))
    XCTAssertEqual(escaped("\u{0}<'\"&>\t"), "\u{FFFD}&lt;&#39;&quot;&amp;&gt;\t")
  }

  func testWhatAnAxisCannotShowIsSaid() {
    let figure = chart([
      .init("zeros", x: [1, 2, 3], y: [1, 0, 0.5]), .init("nothing", x: [], y: []),
      .init("infinite", x: [1, 2], y: [.infinity, .nan], band: ([0, 0.1], [.infinity, 0.2])),
    ]).figure(styles)
    _ = read(figure)
    XCTAssertEqual(
      figure.notes,
      [
        "zeros: 1 of 3 points have no place on the axes and are not drawn.", "nothing has nothing to show.",
        "infinite has nothing to show.",
      ])
    XCTAssertEqual(read(figure).elements.filter { $0 == "circle" }.count, 2, "two points stand alone")
  }

  func testAnEmptyChartIsStillADrawing() {
    _ = read(chart([]).figure(styles))
    _ = read(IntervalChart("", axis: Axis("x", scale: .logarithmic), rows: []).figure(styles))
    _ = read(IntervalChart("", axis: Axis("x"), rows: [.init("a", .nan), .init("b", .infinity)]).figure(styles))
  }

  // MARK: Other figures

  func testACriticalDifferenceDiagramNamesRanksAndDifference() throws {
    let diagram = try CriticalDifferenceDiagram(
      "", methods: ["random", "tpe", "x"], averageRanks: [2.75, 1.25, 2], taskCount: 10)
    XCTAssertEqual(diagram.groups, [[1, 2], [2, 0]])
    let texts = read(diagram.figure(styles)).found
    XCTAssertTrue(texts.contains("tpe  1.25") && texts.contains("random  2.75"))
    XCTAssertTrue(texts.contains("critical difference 1.05"))
    XCTAssertThrowsError(try CriticalDifferenceDiagram("", methods: ["a"], averageRanks: [1], taskCount: 3))
    XCTAssertThrowsError(try CriticalDifferenceDiagram("", methods: ["a", "b"], averageRanks: [1, 3], taskCount: 3))
    XCTAssertThrowsError(
      try CriticalDifferenceDiagram("", methods: ["a", "b"], averageRanks: [1, 2], groups: [[0, 2]]))
  }

  func testAnIntervalChartWritesItsNumbers() {
    let chart = IntervalChart(
      "Speed-up", axis: Axis("times faster", scale: .logarithmic),
      rows: [.init("tpe", Interval(estimate: 2, lower: 0, upper: 3.5)), .init("x", 0, text: "not reached")], mark: 1)
    let figure = chart.figure(styles)
    let texts = read(figure).found
    XCTAssertTrue(texts.contains("2  [0, 3.5]"))
    XCTAssertTrue(texts.contains("not reached"))
    XCTAssertEqual(figure.notes, ["No place on the axis: x."])
  }

  func testSharesStartAtZero() throws {
    let profile = try PerformanceProfile([[10, 30], [20, 10], [.infinity, .infinity]])
    let chart = try LineChart.performanceProfile("", methods: ["a", "b", "c"], profile: profile)
    XCTAssertEqual(chart.series[0].x, [1, 1, 3, 4])
    XCTAssertEqual(chart.series[0].y, [0, 0.5, 1, 1])
    XCTAssertEqual(chart.series[2].y, [0, 0])
    _ = read(chart.figure(styles))
    let hits = try TargetHits([StepCurve(budgets: [2], values: [0.1])], budgets: [10], targets: [1, 0.1, 0.01])
    let distribution = try LineChart.targetDistribution("", methods: [(name: "a", hits: hits)], budget: "evaluations")
    XCTAssertEqual(distribution.series[0].x, [2, 2, 10])
    XCTAssertEqual(distribution.series[0].y, [0, 2.0 / 3, 2.0 / 3])
    _ = read(distribution.figure(styles))
    XCTAssertThrowsError(try LineChart.performanceProfile("", methods: ["a"], profile: profile))
  }

  // MARK: Layout

  func testLabelsAreSpreadWithoutTouchingAndStayInside() {
    let places = Plot.spread([10, 11, 12, 50, 99, 100], within: 0...100, gap: 15)
    XCTAssertEqual(places, [0, 15, 30, 50, 85, 100])
    let crowded = Plot.spread([5, 5, 5, 5, 5], within: 0...20, gap: 15)
    XCTAssertEqual(crowded, [0, 5, 10, 15, 20])
    XCTAssertEqual(Plot.spread([-5], within: 0...1, gap: 9), [0])
    XCTAssertEqual(Plot.spread([], within: 0...1, gap: 9), [])
  }

  func testTicksAreRoundNumbers() {
    func labels(_ axis: Axis, _ values: [Double]) -> [String] {
      axis.layout(values, from: 0, to: 500).ticks().compactMap(\.label)
    }
    XCTAssertEqual(labels(Axis("x"), [0, 100]), ["0", "20", "40", "60", "80", "100"])
    XCTAssertEqual(labels(Axis("x"), [0.1, 0.42]), ["0.1", "0.2", "0.3", "0.4"])
    XCTAssertEqual(labels(Axis("x", scale: .logarithmic), [1, 1000]), ["1", "10", "100", "1000"])
    XCTAssertEqual(
      labels(Axis("x", scale: .logarithmic), [1e-6, 1]), ["10⁻⁶", "10⁻⁵", "10⁻⁴", "0.001", "0.01", "0.1", "1"])
    XCTAssertEqual(labels(Axis("x", scale: .logarithmic), [2, 6]), ["2", "3", "4", "5", "6"])
    XCTAssertFalse(labels(Axis("x"), [7, 7]).isEmpty)
    XCTAssertFalse(labels(Axis("x"), []).isEmpty)
    XCTAssertFalse(labels(Axis("x", scale: .logarithmic), [-1, 0]).isEmpty)
  }

  func testNumbersArePrintedToTheirDigits() {
    XCTAssertEqual(numberText(0.0123456), "0.01235")
    XCTAssertEqual(numberText(0.5, significant: 3, keepsZeros: true), "0.500")
    XCTAssertEqual(numberText(99.996, significant: 4, keepsZeros: true), "100.0")
    XCTAssertEqual(numberText(-1234.5678), "-1235")
    XCTAssertEqual(numberText(123_456), "123456")
    XCTAssertEqual(numberText(1_234_567), "1.235e+06")
    XCTAssertEqual(numberText(1.5e-7), "1.5e-07")
    XCTAssertEqual(numberText(9.9999e-8, significant: 3), "1e-07")
    XCTAssertEqual(numberText(0), "0")
    XCTAssertEqual(numberText(.nan), "–")
    XCTAssertEqual(numberText(-.infinity), "−∞")
    XCTAssertEqual(numberText(-0.001, decimals: 2), "0.00")
    XCTAssertEqual(numberText(1e300, decimals: 2), "1e+300")
    XCTAssertEqual(probabilityText(0.04567), "0.046")
    XCTAssertEqual(probabilityText(2.41e-5), "2.4e-05")
  }
}
