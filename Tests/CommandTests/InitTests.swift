import Foundation
import XCTest

@testable import TrimtabCommand

/// Study files that `trimtab init` writes.
final class InitTests: TuneTestCase {
  func testAStudyFileIsProposedFromAProgramsHelp() throws {
    try write(
      """
      #!/bin/sh
      if [ "$1" = --help ]; then
        echo "usage: train [options]"
        echo "  --lr FLOAT          learning rate (default: 0.01)"
        echo "  --optimizer {adam,sgd}  (default: adam)"
      fi
      """, to: "train")
    chmod("\(folder)/train", 0o755)
    let result = try run("init", "train")
    XCTAssertEqual(result.status, 0, result.error)
    XCTAssertEqual(
      result.output, "wrote study.yaml; from './train --help': lr, optimizer\nthen:  trimtab tune study.yaml\n")
    let text = try String(contentsOfFile: "\(folder)/study.yaml", encoding: .utf8)
    XCTAssertTrue(text.contains("study: train"), text)
    XCTAssertTrue(text.contains("\"./train\""), text)
    XCTAssertTrue(text.contains("choices: [adam, sgd]"), text)
  }

  func testAFileThatExistsIsNotWrittenOver() throws {
    try write("mine", to: "study.yaml")
    let result = try run("init")
    XCTAssertEqual(result.status, 1)
    XCTAssertTrue(result.error.contains("--force"), result.error)
    XCTAssertEqual(lines(of: "study.yaml"), ["mine"])
    XCTAssertEqual(try run("init", "--force").status, 0)
    XCTAssertNotEqual(lines(of: "study.yaml"), ["mine"])
  }

  func testAProgramThatDoesNotKnowHelpIsEndedWithItsChildren() throws {
    try write("echo begun; sleep 60 & sleep 60", to: "long.sh")
    let begin = Date()
    let help = try ProgramHelp.read(["/bin/sh", "long.sh"], in: folder, patience: .milliseconds(300))
    XCTAssertTrue(help.wasEnded)
    XCTAssertEqual(help.text, "begun")
    XCTAssertLessThan(Date().timeIntervalSince(begin), 10)
    XCTAssertEqual(try processes(in: folder), [])
  }

  func testWhatInitWritesCanBeTuned() throws {
    XCTAssertEqual(try run("init", "--", "/bin/echo", "loss {learning_rate}").status, 0)
    try amendFile("# output:", to: "output:")
    try amendFile("{trials: 50}", to: "{trials: 3}")
    try amendFile("\nparallel", to: "\nmethod: {sampler: random, scheduler: full}\nparallel")
    XCTAssertEqual(try tune().named("completed").count, 3)
  }

  func testTheSchemaIsJSON() throws {
    let text = try run("init", "--schema").output
    let schema = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
    XCTAssertEqual(schema?["title"] as? String, "Trimtab study")
  }
}
