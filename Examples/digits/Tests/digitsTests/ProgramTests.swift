import XCTest

@testable import digits

final class ProgramTests: XCTestCase {
  func testFlagsAreReadInEverySpelling() throws {
    let options = try CommandLineOptions([
      "--learning-rate=0.5", "--batch_size", "8", "--layers=3", "--width=16", "--activation=gelu",
      "--optimizer=sgd", "--momentum=0.5", "--weight-decay", "1e-4", "--dropout=0.25", "--epochs=3", "--seed=9",
    ])
    var expected = Settings()
    expected.learningRate = 0.5
    expected.batchSize = 8
    expected.layers = 3
    expected.width = 16
    expected.activation = .gelu
    expected.momentum = 0.5
    expected.weightDecay = 1e-4
    expected.dropout = 0.25
    expected.seed = 9
    XCTAssertEqual(options.settings, expected)
    XCTAssertEqual(options.epochs, 3)
    XCTAssertEqual(try CommandLineOptions(expected.flags).settings, expected)
  }

  func testWrongFlagsAreRefusedByName() {
    let wrong: [([String], String)] = [
      (["--learning_rate=fast"], "--learning_rate=fast"), (["--learning_rate=nan"], "--learning_rate=nan"),
      (["--learning_rate=0"], "--learning_rate=0"), (["--batch_size=0"], "--batch_size=0"),
      (["--layers=2.5"], "--layers=2.5"), (["--dropout=1"], "--dropout=1"), (["--activation=step"], "relu, tanh"),
      (["--optimizer=adam", "--momentum=0.9"], "--momentum"), (["--speed=1"], "--speed"), (["train"], "'train'"),
      (["--width=8", "--width=9"], "twice"), (["--width"], "needs a value"), (["--seed="], "needs a value"),
      (["--evaluate=x", "--width=8"], "--width"),
    ]
    for (arguments, part) in wrong {
      XCTAssertThrowsError(try CommandLineOptions(arguments), "\(arguments)") { error in
        guard case .usage(let message) = error as? Failure else { return XCTFail("\(error)") }
        XCTAssertTrue(message.contains(part), message)
      }
    }
  }

  func testTheSplitFollowsItsRuleAndSharesNoImage() throws {
    let digits = try smallDigits()
    XCTAssertEqual([digits.training.count, digits.validation.count, digits.test.count], [30, 10, 10])
    for part in [digits.training, digits.validation, digits.test] {
      for label in 0..<10 {
        XCTAssertEqual(part.labels.filter { $0 == label }.count, part.count / 10)
      }
    }
  }

  func testDataThatIsNotDigitsIsRefused() {
    XCTAssertThrowsError(try Digits(bytes: [], path: "x"))
    XCTAssertThrowsError(try Digits(bytes: [UInt8](repeating: 0, count: 66), path: "x"))
    XCTAssertThrowsError(try Digits(bytes: [UInt8](repeating: 17, count: 65 * 50), path: "x"))
  }

  func testADecodedCheckpointTrainsOnAsTheOriginalWould() throws {
    let digits = try smallDigits()
    for optimizer in OptimizerKind.allCases {
      var settings = Settings()
      settings.optimizer = optimizer
      settings.dropout = 0.3
      let original = Training(settings)
      _ = original.runEpoch(digits)
      let copy = try Checkpoint.decode(Checkpoint.encode(original, dataChecksum: 7), dataChecksum: 7)
      XCTAssertEqual(copy.history, original.history)
      let (first, second) = (original.runEpoch(digits), copy.runEpoch(digits))
      XCTAssertEqual(first.loss, second.loss)
      XCTAssertEqual(original.network.parameters.values, copy.network.parameters.values)
      XCTAssertEqual(original.optimizer.second.values, copy.optimizer.second.values)
    }
  }

  func testADamagedCheckpointIsRefusedWhereverTheDamageIs() throws {
    var settings = Settings()
    settings.width = 8
    settings.layers = 1
    let bytes = Checkpoint.encode(Training(settings), dataChecksum: 7)
    for position in stride(from: 0, to: bytes.count, by: 37) {
      var damaged = bytes
      damaged[position] ^= 0x10
      XCTAssertThrowsError(try Checkpoint.decode(damaged, dataChecksum: 7), "byte \(position)")
    }
    for length in stride(from: 0, to: bytes.count, by: 101) {
      XCTAssertThrowsError(try Checkpoint.decode(Array(bytes.prefix(length)), dataChecksum: 7))
    }
    XCTAssertThrowsError(try Checkpoint.decode(bytes + [0], dataChecksum: 7))
    XCTAssertThrowsError(try Checkpoint.decode(bytes, dataChecksum: 8))
  }

  func testNumbersThatJSONLacksAreSpelledOut() {
    func line(_ loss: Double) -> String { reportLine(epoch: 2, EpochResult(loss: loss, accuracy: 0, seconds: 1)) }
    XCTAssertEqual(line(.nan), #"{"epoch": 2, "loss": "nan"}"#)
    XCTAssertEqual(line(.infinity), #"{"epoch": 2, "loss": "inf"}"#)
    XCTAssertEqual(line(0.5), #"{"epoch": 2, "loss": 0.5, "accuracy": 0.0, "seconds_per_epoch": 1.0}"#)
  }
}
