import Foundation
import TrimtabAnalysis
import XCTest

final class PageTests: XCTestCase {
  private func table() throws -> ReportTable {
    try ReportTable(tasks: ["x", "longer & <name>"], methods: ["a", "b"], values: [[0.5, 0.25], [.nan, 12]])
  }

  func testATableForATerminalLinesUp() throws {
    XCTAssertEqual(
      try table().text,
      """
      task                  a       b
      x                0.5000  0.2500
      longer & <name>       –   12.00

      """)
  }

  func testTheBestOfEachRowIsBold() throws {
    let rows = try table().rows
    XCTAssertEqual(rows[0].map(\.isStrong), [false, false, true])
    XCTAssertEqual(rows[1].map(\.isStrong), [false, false, true])
    let tied = try ReportTable(tasks: ["x"], methods: ["a", "b"], values: [[1, 1.000001]]).rows[0]
    XCTAssertEqual(tied.map(\.isStrong), [false, true, true])
  }

  func testARowWithoutAllCellsIsRefused() throws {
    var table = try table()
    XCTAssertThrowsError(try table.add(["one"]))
    XCTAssertThrowsError(try ReportTable(tasks: ["x"], methods: ["a"], values: []))
  }

  func testAPageHoldsItsBlocksAndNeedsNothingElse() throws {
    let figure = LineChart(
      "A figure", x: Axis("x"), y: Axis("y", scale: .logarithmic), series: [.init("a", x: [1, 2], y: [1, 0])]
    ).figure(MethodStyles(["a"]))
    let html = HTMLPage(
      "Report <1>", summary: "Two & three",
      sections: [
        .init("One", [.paragraph("1 < 2"), .table(try table(), caption: "A table")]),
        .init("Two", [.figure(figure, caption: "A caption."), .list(["<li>"])]),
        .init("Three", [.details(summary: "Provenance", [.code("a && b")])]),
      ]
    ).html
    for text in [
      "<title>Report &lt;1&gt;</title>", "Two &amp; three", "<p>1 &lt; 2</p>", "longer &amp; &lt;name&gt;",
      "<li>&lt;li&gt;</li>", "<summary>Provenance</summary>", "a &amp;&amp; b", "href=\"#section-2\"",
      "A caption. a: 1 of 2 points have no place on the axes and are not drawn.", "prefers-color-scheme: dark",
      "@media print", "width=device-width",
    ] { XCTAssertTrue(html.contains(text), text) }
    for text in ["<script", "http", "src=", "url(", "@import"] { XCTAssertFalse(html.contains(text), text) }
    for tag in ["section", "figure", "table", "details", "svg", "div", "ul", "pre", "main"] {
      let opened = html.components(separatedBy: "<\(tag)").count
      XCTAssertEqual(opened, html.components(separatedBy: "</\(tag)>").count, tag)
    }
    XCTAssertEqual(html.components(separatedBy: ".tt .tt-title").count, 2, "the style comes once")
  }
}
