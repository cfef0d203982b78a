import TrimtabSearchSpaces
import TrimtabStudies
import XCTest

final class CommandTemplateTests: XCTestCase {
  private func space() throws -> Space {
    try Space([
      .float("lr", 0...1), .categorical("optimizer", ["sgd", "adam"]),
      try .float("momentum", 0...1).when("optimizer == sgd"),
      Parameter("order", .permutation([.text("a"), .text("b")])), Parameter("mix", .simplex(["x", "y"])),
      .boolean("odd name"),
    ])
  }

  private func expand(
    _ command: [String], optimizer: String = "sgd", _ builtins: [String: String] = [:]
  ) throws -> [String] {
    let space = try space()
    var values: [(name: String, value: ParameterValue)] = [
      ("lr", .real(1e-5)), ("optimizer", .choice(.text(optimizer))), ("order", .permutation([.text("b"), .text("a")])),
      ("mix", .simplex([0.25, 0.75])), ("odd name", .choice(.boolean(false))),
    ]
    if optimizer == "sgd" { values.append(("momentum", .real(0.5))) }
    return try CommandTemplate.expand(
      command: command, space: space, configuration: try space.configuration(values), builtins: builtins)
  }

  func testNamesInBracesBecomeValues() throws {
    XCTAssertEqual(
      try expand(["train", "--lr={lr}", "{optimizer}", "{lr}/{optimizer}", "{order}", "{mix}", "{odd name}"]),
      ["train", "--lr=1e-05", "sgd", "1e-05/sgd", "b,a", "0.25,0.75", "false"])
  }

  func testArgumentsThatMentionAnInactiveParameterAreDroppedWhole() throws {
    XCTAssertEqual(
      try expand(["train", "--m={momentum}", "x{momentum}y{lr}", "z"], optimizer: "adam"), ["train", "z"])
    XCTAssertEqual(try expand(["train", "--m={momentum}", "z"]), ["train", "--m=0.5", "z"])
  }

  func testFlagsBecomeOneArgumentForEachActiveParameter() throws {
    XCTAssertEqual(
      try expand(["train", "{flags}", "end"], optimizer: "adam"),
      ["train", "--lr=1e-05", "--optimizer=adam", "--order=b,a", "--mix=0.25,0.75", "--odd name=false", "end"])
  }

  func testDoubledBracesAreBraces() throws {
    XCTAssertEqual(
      try expand([#"{{"lr": {lr}}}"#, "{{}}", "{{{{", "}}", "{{lr}}"]), [#"{"lr": 1e-05}"#, "{}", "{{", "}", "{lr}"])
  }

  func testBuiltinNamesTakeTheirValuesFromTheRun() throws {
    let builtins = [
      "trial": "3", "seed": "17", "attempt": "1", "resource": "9", "checkpoint": "/c", "config": "/j", "report": "/r",
    ]
    XCTAssertEqual(CommandTemplate.builtinNames.sorted(), builtins.keys.sorted())
    XCTAssertEqual(
      try expand(["{trial} {seed} {attempt} {resource} {checkpoint} {config} {report}"], builtins),
      ["3 17 1 9 /c /j /r"])
    XCTAssertThrowsError(try expand(["--upto={resource}"])) {
      XCTAssertEqual("\($0)", "command: {resource} has no value in this run (leave it out of the command)")
    }
  }

  func testValuesAreNotReadAsTemplates() throws {
    let space = try Space([.categorical("text", ["{lr} {{", "}"]), .float("lr", 0...1)])
    let configuration = try space.configuration([("text", .choice(.text("{lr} {{")))])
    XCTAssertEqual(
      try CommandTemplate.expand(command: ["{text}"], space: space, configuration: configuration, builtins: [:]),
      ["{lr} {{"])
  }

  func testUnknownNamesAreRefused() throws {
    for (argument, message) in [
      ("--x={lrr}", "command '--x={lrr}': there is no parameter 'lrr' (did you mean {lr}?)"),
      (
        "{unheard-of}",
        "command '{unheard-of}': there is no parameter 'unheard-of' (write {{ and }} for braces that are no template)"
      ),
      ("{", "command '{': '{' without a '}' after it (write {{ for the character {)"),
      ("a}", "command 'a}': '}' without a '{' before it (write }} for the character })"),
      ("{}", "command '{}': there is no parameter '' (write {{ and }} for braces that are no template)"),
      (
        "a{flags}",
        "command 'a{flags}': {flags} must be an argument of its own (it becomes one argument for each parameter)"
      ),
    ] {
      XCTAssertThrowsError(try expand(["train", argument])) { XCTAssertEqual("\($0)", message) }
    }
  }
}
