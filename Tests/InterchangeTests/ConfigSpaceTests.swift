import Foundation
import TrimtabSearchSpaces
import XCTest

@testable import TrimtabInterchange

/// Spaces as ConfigSpace 1.2 writes them.
final class ConfigSpaceTests: InterchangeTestCase {
  func testASpaceOfConfigSpacesIsTakenOver() throws {
    let reader = try ConfigSpaceReader(path: "\(Self.fixtures)/configspace-1.2.json")
    XCTAssertEqual(reader.name, "demo")
    let parameters = Dictionary(reader.space.parameters.map { ($0.name, $0.json.text) }) { $1 }
    XCTAssertEqual(
      parameters,
      [
        "flag": #"{"type":"categorical","choices":[true,false],"default":true}"#,
        "k": #"{"type":"constant","value":3}"#,
        "layers": #"{"type":"integer","low":1,"high":8,"default":2}"#,
        "lr": #"{"type":"float","low":1e-05,"high":0.1,"scale":"log","default":0.01}"#,
        "nf": #"{"type":"float","low":-3,"high":3,"prior":{"normal":[0,1]},"default":0}"#,
        "ni": #"{"type":"integer","low":0,"high":10,"prior":{"normal":[5,2]},"default":5}"#,
        "opt": #"{"type":"categorical","choices":["sgd","adam"],"default":"adam"}"#,
        "size": #"{"type":"ordinal","choices":["s","m","l"],"default":"m"}"#,
        "units": #"{"type":"integer","low":1,"high":1024,"scale":"log","default":32}"#,
        "deep": #"{"type":"float","low":0,"high":1,"when":"size in [\"m\", \"l\"] and layers > 3","default":0.5}"#,
        "mom": #"{"type":"float","low":0,"high":0.99,"when":"opt == \"sgd\"","default":0.495}"#,
        "ww": #"{"type":"float","low":0,"high":1,"when":"size != \"m\" or layers < 3","default":0.5}"#,
      ])
    XCTAssertEqual(
      reader.space.constraintsJSON.text,
      #"["not (opt == \"adam\" and layers in [7, 8])","not layers > ni","not units == 13"]"#)
  }

  func testWhatIsForbiddenViolatesAConstraint() throws {
    let space = try ConfigSpaceReader(path: "\(Self.fixtures)/configspace-1.2.json").space
    func isForbidden(_ changes: String) throws -> Bool {
      do {
        _ = try space.configuration(try space.values(try JSONValue.parse(changes)))
        return false
      } catch {
        XCTAssertTrue("\(error)".contains("constraint"), "\(error)")
        return true
      }
    }
    XCTAssertFalse(try isForbidden(#"{"opt": "sgd", "layers": 7, "ni": 9}"#))
    XCTAssertTrue(try isForbidden(#"{"opt": "adam", "layers": 7, "ni": 9}"#))
    XCTAssertTrue(try isForbidden(#"{"layers": 6, "ni": 5}"#))
    XCTAssertTrue(try isForbidden(#"{"units": 13}"#))
  }

  func testASpaceComesBackAsItWas() throws {
    let space = try ConfigSpaceReader(path: "\(Self.fixtures)/configspace-1.2.json").space
    let text = try ConfigSpaceWriter.json(space, name: "demo").text
    let back = try ConfigSpaceReader(text, path: "back.json")
    XCTAssertEqual(back.name, "demo")
    XCTAssertEqual(back.space.json.text, space.json.text)
    XCTAssertEqual(back.space.constraintsJSON.text, space.constraintsJSON.text)
  }

  func testWhatConfigSpaceHasNotIsRefusedByName() throws {
    for (space, part) in [
      (try Space([.float("x", 0...1, step: 0.25)]), "x: ConfigSpace has no steps"),
      (try Space([.float("x", 0.1...0.9, scale: .logit)]), "no logit scale"),
      (try Space([Parameter("p", .permutation([.text("a"), .text("b")]))]), "no permutations"),
      (try Space([.float("x", 0...1), Parameter.float("y", 0...1).when("x * 2 < 1")]), "y: the condition"),
      (try Space([.float("x", 0...1)], constraints: [Expression.parse("x * x < 0.5")]), "the constraint 'x * x < 0.5'"),
    ] {
      XCTAssertThrowsError(try ConfigSpaceWriter.json(space, name: "s")) {
        XCTAssertTrue("\($0)".contains(part), "\($0)")
      }
    }
    let text = try ConfigSpaceWriter.json(
      try Space([.integer("n", 1...8), Parameter.float("y", 0...1).when("n >= 3")]), name: "s"
    ).text
    XCTAssertTrue(text.contains(#""type":"GT","child":"y","parent":"n","value":2"#), text)
  }

  private func refusal(_ hyperparameters: String, _ part: String, with rest: String = "", line: UInt = #line) {
    let text = #"{"hyperparameters": [\#(hyperparameters)]\#(rest)}"#
    XCTAssertThrowsError(try ConfigSpaceReader(text, path: "cs.json"), line: line) {
      XCTAssertTrue("\($0)".hasPrefix("cs.json") && "\($0)".contains(part), "\($0)", line: line)
    }
  }

  func testWhatCannotBeExpressedIsRefused() {
    let x = #"{"type": "uniform_float", "name": "x", "lower": 0, "upper": 1}"#
    refusal(#"{"type": "beta_float", "name": "b", "alpha": 1, "beta": 2, "lower": 0, "upper": 1}"#, "'b': a beta")
    refusal(#"{"type": "categorical", "name": "c", "choices": [1, 2], "weights": [1, 2]}"#, "'c': its choices have")
    refusal(
      #"{"type": "normal_float", "name": "n", "mu": 0, "sigma": 1, "lower": 1, "upper": 2, "log": true}"#,
      "'n': a normal distribution on a log")
    refusal(#"{"type": "odd", "name": "o"}"#, "the type 'odd'")
    refusal(#"{"type": "uniform_float", "name": "x", "lower": 0}"#, "no upper")
    refusal(x, "condition of 'y'", with: #", "conditions": [{"type": "EQ", "child": "y", "parent": "x", "value": 1}]"#)
    refusal(x, "forbidden clause 1", with: #", "forbiddens": [{"type": "ODD", "name": "x"}]"#)
    refusal(x, "y", with: #", "forbiddens": [{"type": "EQUALS", "name": "y", "value": 1}]"#)
    XCTAssertThrowsError(try ConfigSpaceReader("{}", path: "cs.json")) {
      XCTAssertTrue("\($0)".contains("no list 'hyperparameters'"), "\($0)")
    }
    XCTAssertThrowsError(try ConfigSpaceReader("x", path: "cs.json"))
  }
}
