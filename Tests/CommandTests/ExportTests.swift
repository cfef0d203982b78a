import Foundation
import TrimtabTestSupport
import XCTest

@testable import TrimtabCommand

/// Exported tables, read back by another program's reader.
final class ExportTests: CommandTestCase {
  /// Runs Python, which every machine that tunes models has.
  private func python(_ script: String) throws -> (status: Int32, text: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3", "-c", script]
    process.currentDirectoryURL = URL(fileURLWithPath: folder)
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    try process.run()
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: data, as: UTF8.self))
  }

  func testPythonReadsTheTableAsItIsMeant() throws {
    try ScriptedStudy().write(to: folder + "/s.trimtab")
    XCTAssertEqual(try run("export", "s.trimtab", "--output", "s.csv").status, 0)
    XCTAssertEqual(try run("export", "s.trimtab", "--format", "jsonl", "--output", "s.jsonl").status, 0)
    XCTAssertEqual(try run("export", "s.trimtab", "--curves", "--output", "c.csv").status, 0)
    let result = try python(
      """
      import csv, json, datetime
      rows = list(csv.DictReader(open("s.csv", newline="", encoding="utf-8")))
      assert len(rows) == 16, len(rows)
      assert [int(r["trial"]) for r in rows] == list(range(16))
      assert rows[4]["message"] == "signal 11", rows[4]
      assert rows[7]["message"] == "layers must be even — ¡nö!"
      assert rows[4]["state"] == "failed" and rows[4]["failure"] == "crash"
      assert float(rows[10]["metric.loss"]) == 0.0625 + 1 / 9
      assert rows[8]["metric.loss"] == "nan" and rows[15]["metric.loss"] == ""
      assert rows[1]["param.momentum"] == "" and float(rows[0]["param.momentum"]) == 0
      assert rows[0]["param.order"] == "a,b,c" and float(rows[0]["param.mix.y"]) == 0.75
      start = datetime.datetime.fromisoformat(rows[0]["started"].replace("Z", "+00:00"))
      end = datetime.datetime.fromisoformat(rows[0]["ended"].replace("Z", "+00:00"))
      assert (end - start).total_seconds() == 2.25
      lines = [json.loads(line) for line in open("s.jsonl", encoding="utf-8")]
      assert [list(line) == list(rows[0]) for line in lines] == [True] * 16
      for row, line in zip(rows, lines):
          for key, value in line.items():
              if value is None: assert row[key] == "", (key, row[key])
              elif isinstance(value, (int, float)): assert float(row[key]) == value, key
              elif isinstance(value, str) and value not in ("nan", "inf"): assert row[key] == value, key
      curves = list(csv.DictReader(open("c.csv", newline="")))
      assert [float(r["resource"]) for r in curves if r["trial"] == "3"] == list(range(1, 10))
      assert len({r["run"] for r in curves if r["trial"] == "3"}) == 2
      print("read")
      """)
    XCTAssertEqual(result.text, "read\n")
  }

  func testAFieldIsQuotedWhereItMustBe() {
    XCTAssertEqual(CSV.line(["a", "", "b c"]), "a,,b c")
    XCTAssertEqual(CSV.field("a,b"), "\"a,b\"")
    XCTAssertEqual(CSV.field("say \"hi\""), "\"say \"\"hi\"\"\"")
    XCTAssertEqual(CSV.field("two\nlines"), "\"two\nlines\"")
    XCTAssertEqual(CSV.field("\r\n"), "\"\r\n\"")
    XCTAssertEqual(CSV.field(" x"), "\" x\"")
    XCTAssertEqual(CSV.field(Double.nan), "nan")
    XCTAssertEqual(CSV.field(-Double.infinity), "-inf")
    XCTAssertEqual(CSV.field(0.1), "0.1")
  }

  func testAnExportThatFailsLeavesTheOldFile() throws {
    try ScriptedStudy().write(to: folder + "/s.trimtab")
    try write("old", to: "s.csv")
    XCTAssertEqual(try run("export", "s.trimtab", "--study", "none", "--output", "s.csv").status, 3)
    XCTAssertEqual(try String(contentsOfFile: folder + "/s.csv", encoding: .utf8), "old")
    XCTAssertEqual(try run("export", "s.trimtab", "--output", "s.csv").status, 0)
    XCTAssertEqual(
      try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasPrefix("s.csv") }, ["s.csv"])
  }
}

final class TableTests: XCTestCase {
  private var table: Table {
    var table = Table([.init("trial", .right), .init("name"), .init("value", .right)])
    table.rows = [["1", "short", "0.5"], ["22", "a rather long text that takes many columns", "12.25"]]
    return table
  }

  func testWithoutAWidthNothingIsCut() {
    XCTAssertEqual(
      table.lines(width: nil),
      [
        "trial  name                                        value",
        "    1  short                                         0.5",
        "   22  a rather long text that takes many columns  12.25",
      ])
  }

  func testTextIsCutAndNumbersAreNot() {
    XCTAssertEqual(
      table.lines(width: 26),
      ["trial  name          value", "    1  short           0.5", "   22  a rather lo…  12.25"])
  }

  func testColumnsThatDoNotFitAreNamed() {
    XCTAssertEqual(table.lines(width: 15), ["trial  name", "    1  short", "   22  a rathe…", "(no room for: …"])
  }

  func testNoLineIsWiderThanTheTerminal() {
    for width in 5...120 {
      for line in table.lines(width: width) { XCTAssertLessThanOrEqual(columns(of: line), width, "width \(width)") }
    }
  }

  func testWideCharactersAreMeasuredAndControlCharactersRemoved() {
    var table = Table([.init("a"), .init("b")])
    table.rows = [["日本", "x"], ["\u{1B}[31m", "y"]]
    XCTAssertEqual(table.lines(width: nil), ["a      b", "日本   x", "?[31m  y"])
  }

  func testLongTextsGoOnBelow() {
    var list = FieldList(indent: 6, width: 30)
    list.add("name", "one two three four five six seven")
    list.add("key", String(repeating: "x", count: 30))
    XCTAssertEqual(
      list.lines,
      ["name  one two three four five", "      six seven", "key   xxxxxxxxxxxxxxxxxxxxxxxx", "      xxxxxx"])
  }
}

final class TimeTextTests: XCTestCase {
  func testDatesAreThoseOfTheCalendar() {
    let formatter = ISO8601DateFormatter()
    formatter.formatOptions = [.withInternetDateTime, .withFractionalSeconds]
    for time: Int64 in [
      0, -1, 1, 951_782_400_000, 1_709_164_800_123, 1_800_000_000_000, 4_102_444_799_999, -2_208_988_800_001,
    ] {
      XCTAssertEqual(
        TimeText.iso(time), formatter.string(from: Date(timeIntervalSince1970: Double(time) / 1000)), "\(time)")
    }
  }
}

final class SparklineTests: XCTestCase {
  func testGreaterNumbersAreHigher() {
    XCTAssertEqual(Sparkline.picture([0, 0.25, 0.5, 0.75, 1], width: 10, usesUnicode: false), "_.-=^")
    XCTAssertEqual(Sparkline.picture([1, 0], width: 10, usesUnicode: true), "█▁")
    XCTAssertEqual(Sparkline.picture([1, .nan, 0], width: 10, usesUnicode: false), "^?_")
    XCTAssertEqual(Sparkline.picture([2, 2], width: 10, usesUnicode: false).count, 2)
    XCTAssertEqual(Sparkline.picture([], width: 10, usesUnicode: false), "")
    XCTAssertEqual(Sparkline.picture([.nan], width: 10, usesUnicode: false), "?")
    XCTAssertEqual(
      Sparkline.picture([-.greatestFiniteMagnitude, .greatestFiniteMagnitude], width: 2, usesUnicode: false), "_^")
    XCTAssertEqual(Sparkline.picture((0..<1000).map(Double.init), width: 20, usesUnicode: false).count, 20)
  }
}
