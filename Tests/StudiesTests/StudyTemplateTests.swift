import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabTestSupport
import XCTest

final class StudyTemplateTests: XCTestCase {
  /// As Python 3.11's argparse prints it with ArgumentDefaultsHelpFormatter.
  private static let argparse = """
    usage: train.py [-h] [--lr LR] [-b BATCH_SIZE] [--optimizer {sgd,adam,adamw}]
                    [--weight-decay WEIGHT_DECAY] [--dropout DROPOUT]
                    [--epochs EPOCHS] [--amp] [--nesterov | --no-nesterov]
                    [--seed SEED] [--workers WORKERS] [--betas BETAS BETAS]
                    [--width-factor {1,2,4}] [--output-dir OUTPUT_DIR]
                    data

    Train a classifier.

    positional arguments:
      data                  folder of the data

    options:
      -h, --help            show this help message and exit
      --lr LR, --learning-rate LR
                            initial learning rate (default: 0.1)
      -b BATCH_SIZE, --batch-size BATCH_SIZE
                            samples in a batch (default: 64)
      --optimizer {sgd,adam,adamw}
                            which optimizer (default: adam)
      --weight-decay WEIGHT_DECAY
                            L2 penalty (default: 0)
      --dropout DROPOUT     share of units dropped, a rather long explanation that
                            goes on over several lines of the help text (default:
                            0.5)
      --layers LAYERS       depth (default: 2)
      --epochs EPOCHS       epochs (default: 90)
      --amp                 mixed precision (default: False)
      --nesterov, --no-nesterov
                            Nesterov momentum (default: True)
      --seed SEED           seed (default: 0)
      --workers WORKERS     loaders (default: 4)
      --betas BETAS BETAS   two numbers (default: (0.9, 0.999))
      --width-factor {1,2,4}
                            factor (default: 2)
      --output-dir OUTPUT_DIR
                            where results go (default: runs)
    """

  private static let click = """
    Usage: c.py [OPTIONS]

    Options:
      --lr FLOAT                 Learning rate.  [default: 0.001]
      -n, --count INTEGER RANGE  Number of things.  [default: 3; 1<=x<=10]
      --optimizer [sgd|adam]     [default: sgd]
      --shuffle / --no-shuffle   Shuffle.  [default: shuffle]
      --ratio FLOAT RANGE        Ratio.  [0<=x<=1]
      --name TEXT                A name.
      --help                     Show this message and exit.
    """

  private static let swift = """
    OVERVIEW: Train.

    USAGE: train [--learning-rate <learning-rate>] [--activation <activation>]

    OPTIONS:
      --learning-rate <learning-rate>
                              Step size. (default: 0.05)
      --activation <activation>
                              Activation. (values: relu, tanh; default: relu)
      -h, --help              Show help information.
    """

  private static let source = #"""
    import argparse

    parser = argparse.ArgumentParser(description="(no help) --fake FAKE")
    parser.add_argument("--lr", "--learning-rate", type=float, default=1e-3,  # step (size)
                        help="the step, or 'learning rate' (in parentheses)")
    parser.add_argument('--batch-size', type=int, default=32)
    parser.add_argument("--optimizer", choices=["sgd", 'adam'], default="adam", help="a, b")
    parser.add_argument("--heads", type=int, choices=(2, 4, 8))
    parser.add_argument("--amp", action="store_true")
    parser.add_argument("--quietly", action="count", default=0)
    parser.add_argument("--data", default="/data")
    parser.add_argument("name")
    """#

  private func proposal(
    _ help: String?, command: [String] = ["python3", "train.py"], file: StaticString = #filePath, line: UInt = #line
  ) throws -> (text: String, spec: StudySpec) {
    let text = StudyFile.template(name: "mine", command: command, help: help)
    do {
      return (text, try StudySpec.parse(text, name: "study.yaml"))
    } catch {
      XCTFail("\(error)\n\(text)", file: file, line: line)
      throw error
    }
  }

  func testArgparseHelpGivesAStudyThatCallsTheProgramAsItWantsToBeCalled() throws {
    let (text, spec) = try proposal(Self.argparse)
    XCTAssertEqual(
      spec.command,
      [
        "python3", "train.py", "--lr={lr}", "--batch-size={batch-size}", "--optimizer={optimizer}",
        "--weight-decay={weight-decay}", "--dropout={dropout}", "--layers={layers}", "{amp_flag}", "{nesterov}",
        "--seed={seed}", "--width-factor={width-factor}",
      ])
    XCTAssertEqual(
      spec.space.json.text,
      #"{"lr":{"type":"float","low":0.001,"high":10,"scale":"log","default":0.1},"#
        + #""batch-size":{"type":"integer","low":16,"high":256,"scale":"log","default":64},"#
        + #""optimizer":{"type":"categorical","choices":["sgd","adam","adamw"],"default":"adam"},"#
        + #""weight-decay":{"type":"float","low":1e-06,"high":0.1,"scale":"log"},"#
        + #""dropout":{"type":"float","low":0,"high":0.99,"default":0.5},"#
        + #""layers":{"type":"integer","low":1,"high":4,"default":2},"amp":{"type":"boolean"},"#
        + #""amp_flag":{"type":"constant","value":"--amp","when":"amp"},"#
        + #""nesterov":{"type":"categorical","choices":["--nesterov","--no-nesterov"]},"#
        + #""width-factor":{"type":"ordinal","choices":[1,2,4],"default":2}}"#)
    XCTAssertTrue(text.contains("# fidelity: {name: epoch, max: 90}"))
    XCTAssertTrue(text.contains("tune: --epochs, --workers, --betas, --output-dir\n"))

    // Flags without a value are given or not, as the program expects.
    let off = try spec.space.configuration([
      ("weight-decay", .real(0.001)), ("amp", .choice(.boolean(false))), ("nesterov", .choice(.text("--no-nesterov"))),
    ])
    let arguments = try CommandTemplate(spec.command, space: spec.space).expand(off, builtins: ["seed": "3"])
    XCTAssertEqual(
      arguments,
      [
        "python3", "train.py", "--lr=0.1", "--batch-size=64", "--optimizer=adam",
        "--weight-decay=0.001",
        "--dropout=0.5", "--layers=2", "--no-nesterov", "--seed=3", "--width-factor=2",
      ])
    let on = try spec.space.configuration([("amp", .choice(.boolean(true)))])
    XCTAssertTrue(
      try CommandTemplate(spec.command, space: spec.space).expand(on, builtins: ["seed": "3"]).contains("--amp"))
  }

  func testClicksHelpGivesRangesAndChoices() throws {
    let (_, spec) = try proposal(Self.click)
    XCTAssertEqual(
      spec.space.json.text,
      #"{"lr":{"type":"float","low":1e-05,"high":0.1,"scale":"log","default":0.001},"#
        + #""count":{"type":"integer","low":1,"high":6,"default":3},"#
        + #""optimizer":{"type":"categorical","choices":["sgd","adam"],"default":"sgd"},"#
        + #""shuffle":{"type":"categorical","choices":["--shuffle","--no-shuffle"]},"#
        + #""ratio":{"type":"float","low":0,"high":0.99}}"#)
  }

  func testSwiftsHelpGivesAStudyWithFlags() throws {
    let (_, spec) = try proposal(Self.swift, command: ["./train"])
    XCTAssertEqual(spec.command, ["./train", "{flags}"])
    XCTAssertEqual(
      spec.space.json.text,
      #"{"learning-rate":{"type":"float","low":0.0001,"high":1,"scale":"log","default":0.05},"#
        + #""activation":{"type":"categorical","choices":["relu","tanh"],"default":"relu"}}"#)
  }

  func testAPythonSourceGivesTheOptionsThatItDeclares() throws {
    let (_, spec) = try proposal(Self.source)
    XCTAssertEqual(
      spec.space.json.text,
      #"{"lr":{"type":"float","low":1e-05,"high":0.1,"scale":"log","default":0.001},"#
        + #""batch-size":{"type":"integer","low":8,"high":128,"scale":"log","default":32},"#
        + #""optimizer":{"type":"categorical","choices":["sgd","adam"],"default":"adam"},"#
        + #""heads":{"type":"ordinal","choices":[2,4,8]},"amp":{"type":"boolean"},"#
        + #""amp_flag":{"type":"constant","value":"--amp","when":"amp"}}"#)
  }

  func testWithoutHelpTheSpaceIsAnExample() throws {
    let (text, spec) = try proposal(nil)
    XCTAssertEqual(spec.command, ["python3", "train.py", "{flags}"])
    XCTAssertEqual(spec.space.parameters.map(\.name), ["learning_rate"])
    XCTAssertTrue(text.contains("# an example: put your own parameters here"))
    XCTAssertEqual(spec.budget, Budget(trials: 50))
  }

  func testTemplatesInTheCommandStayAndOtherBracesAreDoubled() throws {
    let command = ["run", "--step={lr}", "--json={\"a\": 1}", "{checkpoint}", "--upto={resource}", "}"]
    let (_, spec) = try proposal(Self.argparse, command: command)
    XCTAssertEqual(
      spec.command, ["run", "--step={lr}", "--json={{\"a\": 1}}", "{checkpoint}", "--upto={resource}", "}}"])
    XCTAssertEqual(spec.fidelity, Fidelity(name: "epoch", maximum: 90))
  }

  func testWhateverIsGivenTheTemplateReadsWithoutErrors() throws {
    let names = [
      "", "null", "true", "1e3", "-x", "..", "größe 1", "a\nb: c", "# x", String(repeating: "n", count: 300),
    ]
    let commands: [[String]] = [
      [], [""], ["", "x"],
      ["a b", "it's", "\"", "\\", "\n", "#", ": ", "- x", "null", "{", "{}", "{{x}}", "{flags}", "{lr}{"],
      ["x", "--f", "{amp_flag}"], ["x", "-u"], ["{flags}"], ["x", "a{flags}"], ["x\0y"], ["{trial}"],
    ]
    let helps: [String?] = [nil, "", Self.argparse, Self.click, Self.swift, Self.source]
    for name in names { _ = try check(name, ["run"], Self.argparse) }
    for command in commands { for help in helps { _ = try check("study", command, help) } }
    // Texts that were damaged in any way.
    for seed in 0..<300 as Range<UInt64> {
      var stream = RandomStream(seed: seed, purpose: stableHash("help"), index: 0)
      let texts = [Self.argparse, Self.click, Self.swift, Self.source]
      let damaged = mutated(texts[stream.index(below: texts.count)], &stream)
      _ = try check("study", ["run"], damaged)
    }
  }

  private func check(_ name: String, _ command: [String], _ help: String?) throws -> StudySpec? {
    let text = StudyFile.template(name: name, command: command, help: help)
    do {
      return try StudySpec.parse(text, name: "study.yaml")
    } catch {
      XCTFail("\(name) \(command) \(help ?? "nil"): \(error)\n\(text)")
      return nil
    }
  }
}
