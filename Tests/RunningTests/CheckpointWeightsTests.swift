import Foundation
import TrimtabNumerics
import TrimtabStudies
import XCTest

@testable import TrimtabRunning

/// Weights as programs save them.
final class CheckpointWeightsTests: XCTestCase {
  private var folder = ""

  override func setUpWithError() throws {
    folder = NSTemporaryDirectory() + "trimtab-weights-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }

  override func tearDownWithError() throws { try FileManager.default.removeItem(atPath: folder) }

  private func little<T: FixedWidthInteger>(_ number: T) -> [UInt8] {
    withUnsafeBytes(of: number.littleEndian, Array.init)
  }

  private func write(_ bytes: [UInt8], _ name: String) throws -> String {
    try Data(bytes).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
    return "\(folder)/\(name)"
  }

  private typealias Tensor = (name: String, shape: [Int], values: [Float])

  private func safetensors(_ tensors: [Tensor]) -> [UInt8] {
    var entries = ["\"__metadata__\":{\"format\":\"pt\"}"]
    var data: [UInt8] = []
    for tensor in tensors {
      let bytes = tensor.values.flatMap { little($0.bitPattern) }
      let ends = [data.count, data.count + bytes.count]
      entries.append("\"\(tensor.name)\":{\"dtype\":\"F32\",\"shape\":\(tensor.shape),\"data_offsets\":\(ends)}")
      data += bytes
    }
    let header = Array("{\(entries.joined(separator: ","))}".utf8)
    return little(UInt64(header.count)) + header + data
  }

  /// One npy file in an archive, as `numpy.savez` writes it but for the checksum.
  private func npz(
    _ name: String, _ description: String, _ shape: String, _ data: [UInt8], isFortran: Bool = false, method: UInt16 = 0
  ) -> [UInt8] {
    var text = "{'descr': '\(description)', 'fortran_order': \(isFortran ? "True" : "False"), 'shape': \(shape), }"
    while (text.utf8.count + 11) % 64 != 0 { text += " " }
    text += "\n"
    let npy = [0x93] + Array("NUMPY".utf8) + [1, 0] + little(UInt16(text.utf8.count)) + Array(text.utf8) + data
    let file = Array("\(name).npy".utf8)
    let sizes = little(UInt32(npy.count)) + little(UInt32(npy.count))
    let common = little(method) + little(UInt32(0)) + little(UInt32(0)) + sizes + little(UInt16(file.count))
    let local: [UInt8] =
      little(UInt32(0x0403_4b50)) + little(UInt16(20)) + little(UInt16(0)) + common + little(UInt16(0))
    let entry: [UInt8] =
      little(UInt32(0x0201_4b50)) + little(UInt16(20)) + little(UInt16(20)) + little(UInt16(0)) + common
      + [UInt8](repeating: 0, count: 12) + little(UInt32(0)) + file
    let start = local.count + file.count + npy.count
    let end: [UInt8] =
      little(UInt32(0x0605_4b50)) + little(UInt32(0)) + little(UInt16(1)) + little(UInt16(1))
      + little(UInt32(entry.count)) + little(UInt32(start)) + little(UInt16(0))
    return local + file + npy + entry + end
  }

  private func values(_ path: String) throws -> [[Double]] {
    let file = try TensorFile(path)
    return try file.tensors.map { try file.values(of: $0, atMost: 1000) }
  }

  func testTensorsOfASafetensorsFileAreRead() throws {
    let path = try write(
      safetensors([("b", [2, 2], [1, 2, 3, -4.5]), ("a", [3], [0.5, .infinity, 7]), ("empty", [0], [])]),
      "m.safetensors")
    let file = try TensorFile(path)
    XCTAssertEqual(file.tensors.map(\.name), ["a", "b", "empty"])
    XCTAssertEqual(file.tensors.map(\.shape), [[3], [2, 2], [0]])
    XCTAssertEqual(try values(path), [[0.5, .infinity, 7], [1, 2, 3, -4.5], []])
  }

  func testTensorsOfAnNPZFileAreRead() throws {
    let single = [1.5, -2, 0.25, 8, 9, 10].map { Float($0) }.flatMap { little($0.bitPattern) }
    let file = try TensorFile(write(npz("w", "<f4", "(2, 3)", single), "m.npz"))
    XCTAssertEqual(file.tensors.map(\.name), ["w"])
    XCTAssertEqual(file.tensors[0].shape, [2, 3])
    XCTAssertEqual(try values("\(folder)/m.npz"), [[1.5, -2, 0.25, 8, 9, 10]])
    // Stored by columns, it is the transpose by rows.
    let transposed = try TensorFile(write(npz("w", "<f4", "(2, 3)", single, isFortran: true), "t.npz"))
    XCTAssertEqual(transposed.tensors[0].shape, [3, 2])
    let double = try write(npz("w", "<f8", "(1,)", little((0.1).bitPattern)), "d.npz")
    XCTAssertEqual(try values(double), [[0.1]])
    // A counter is no weight.
    XCTAssertEqual(try values(write(npz("n", "<i8", "()", little(Int64(5))), "i.npz")), [])
  }

  func testNumbersOfTwoBytesAreRead() {
    let halves: [(UInt16, Double)] = [
      (0x3c00, 1), (0xc000, -2), (0x3555, 0.333251953125), (0x0001, 0x1p-24), (0x7c00, .infinity),
    ]
    for (bits, value) in halves { XCTAssertEqual(TensorFile.half(bits), value) }
    XCTAssertTrue(TensorFile.half(0x7e00).isNaN)
    XCTAssertEqual(TensorFile.decode([0x80, 0x3f, 0x20, 0xc1], .brain), [1, -10])
    XCTAssertEqual(TensorFile.decode([0x00, 0x3c], .half), [1])
  }

  private func message(_ bytes: [UInt8], _ name: String) throws -> String {
    do {
      let file = try TensorFile(write(bytes, name))
      for tensor in file.tensors { _ = try file.values(of: tensor, atMost: 1000) }
      return "none"
    } catch let error as TensorFileError {
      return error.description
    }
  }

  func testWhatIsWrongWithAFileIsSaid() throws {
    let good = safetensors([("a", [2, 2], [1, 2, 3, 4])])
    XCTAssertEqual(
      try message(Array(good.dropLast()), "m.safetensors"), "it is cut off: 'a' ends beyond its \(good.count - 1) bytes"
    )
    func header(_ text: String) -> [UInt8] { little(UInt64(text.utf8.count)) + Array(text.utf8) + [0, 0, 0, 0] }
    for (text, problem) in [
      ("[]", "its header is no JSON object"), ("{\"a\": 5}", "entry of 'a' is not understood"),
      ("{\"a\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [0, 4]}}", "do not fit its shape"),
      (
        "{\"a\": {\"dtype\": \"F32\", \"shape\": [4503599627370495, 4503599627370495], \"data_offsets\": [0, 4]}}",
        "impossible shape"
      ),
      ("{\"a\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [4, 8]}}", "ends beyond"),
      ("{\"a\": {\"dtype\": \"F32\", \"shape\": [-1], \"data_offsets\": [0, 4]}}", "not understood"),
      ("{\"a\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [4, 0]}}", "not understood"),
    ] { XCTAssertTrue(try message(header(text), "m.safetensors").contains(problem), text) }
    XCTAssertTrue(
      try message([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], "m.safetensors").contains("no safetensors"))
    XCTAssertTrue(try message([], "m.safetensors").contains("cut off"))
    XCTAssertTrue(try message([], "m.npz").contains("no npz file"))
    let data = little(Float(1).bitPattern)
    XCTAssertEqual(
      try message(npz("w", "<f4", "(1,)", data, method: 8), "m.npz"),
      "'w.npy' is compressed: write it with np.savez instead of np.savez_compressed")
    XCTAssertTrue(try message(npz("w", ">f4", "(1,)", data), "m.npz").contains("little-endian"))
    XCTAssertTrue(try message(npz("w", "<f4", "(7,)", data), "m.npz").contains("do not fit its shape"))
    XCTAssertTrue(try message(npz("w", "<f4", "7", data), "m.npz").contains("not understood"))
    XCTAssertThrowsError(try TensorFile(folder + "/none.npz"))
    XCTAssertThrowsError(try TensorFile(folder))
  }

  func testNoDamagedFileEndsTheProgram() throws {
    let tensors = safetensors([("a", [2, 2], [1, 2, 3, 4]), ("b", [3], [1, 2, 3])])
    let archive = npz("w", "<f4", "(2, 2)", [Float](repeating: 2, count: 4).flatMap { little($0.bitPattern) })
    var stream = RandomStream(seed: 1, purpose: stableHash("damage"), index: 0)
    var failures = 0
    for (whole, name) in [(tensors, "m.safetensors"), (archive, "m.npz")] {
      for _ in 0..<150 {
        var bytes = whole
        for _ in 0...stream.index(below: 3) {
          bytes[stream.index(below: bytes.count)] = UInt8(truncatingIfNeeded: stream.next())
        }
        if stream.uniform() < 0.3 { bytes = Array(bytes.prefix(stream.index(below: bytes.count))) }
        if try message(bytes, name) != "none" { failures += 1 }
      }
    }
    XCTAssertGreaterThan(failures, 75)
  }

  // MARK: The summary

  private func summary(_ tensors: [Tensor], initial: [Tensor]? = nil) throws -> WeightSummary {
    _ = try write(safetensors(tensors), "model.safetensors")
    if let initial { _ = try write(safetensors(initial), "initial.safetensors") }
    return try XCTUnwrap(CheckpointWeights.summary(of: folder))
  }

  func testASummaryDoesNotChangeWhenNeuronsChangePlaces() throws {
    var stream = RandomStream(seed: 2, purpose: stableHash("neurons"), index: 0)
    let (inputs, hidden, outputs) = (7, 20, 4)
    let first = (0..<hidden * inputs).map { _ in Float(stream.normal()) }
    let bias = (0..<hidden).map { _ in Float(stream.normal()) }
    let second = (0..<outputs * hidden).map { _ in Float(stream.normal()) }
    let plain = try summary([("1", [hidden, inputs], first), ("b", [hidden], bias), ("2", [outputs, hidden], second)])
    for _ in 0..<5 {
      var order = Array(0..<hidden)
      stream.shuffle(&order)
      let moved = try summary([
        ("1", [hidden, inputs], order.flatMap { row in (0..<inputs).map { first[row * inputs + $0] } }),
        ("b", [hidden], order.map { bias[$0] }),
        ("2", [outputs, hidden], (0..<outputs).flatMap { row in order.map { second[row * hidden + $0] } }),
      ])
      for (a, b) in zip(plain.layers, moved.layers) {
        for (x, y) in zip(a.numbers, b.numbers) { XCTAssertEqual(x, y, accuracy: 1e-5) }
      }
    }
  }

  func testASummaryHasDecilesMomentsAndNorms() throws {
    // The singular values of [[3, 0], [4, 5]] are √45 and √5.
    let layer = try summary([("w", [2, 2], [3, 0, 4, 5])], initial: [("w", [2, 2], [2, 0, 4, 5])]).layers[0]
    XCTAssertEqual(layer.numbers.count, 30)
    XCTAssertEqual(layer.numbers[0], 0)
    XCTAssertEqual(layer.numbers[5], 3.5, accuracy: 1e-12)
    XCTAssertEqual(layer.numbers[10], 5)
    XCTAssertEqual(layer.numbers[11], 3, accuracy: 1e-12)
    XCTAssertEqual(layer.numbers[12], 3.5.squareRoot(), accuracy: 1e-12)
    XCTAssertEqual(layer.numbers[13], 50.0.squareRoot(), accuracy: 1e-12)
    XCTAssertEqual(layer.numbers[14], 45.0.squareRoot(), accuracy: 1e-6)
    // The difference from the initial weights is 1 in one place.
    XCTAssertEqual(layer.numbers[15 + 13], 1, accuracy: 1e-12)
    XCTAssertEqual(layer.numbers[15 + 14], 1, accuracy: 1e-12)
    // Weights that are no numbers do not count.
    XCTAssertEqual(try summary([("w", [3], [1, .nan, 3])]).layers[0].numbers[11], 2)
    XCTAssertNil(try CheckpointWeights.summary(of: folder + "/none"))
  }

  func testASummaryComesBackFromItsTextAndIsBounded() throws {
    let many = (0..<40).map { ("layer\($0)", [$0 + 1], [Float](repeating: 0.123456789, count: $0 + 1)) as Tensor }
    let large = try summary(many)
    XCTAssertEqual(large.layers.count, WeightSummary.layerLimit)
    XCTAssertLessThan(large.text.utf8.count, 6000)
    let back = try XCTUnwrap(WeightSummary(text: large.text))
    for (a, b) in zip(large.layers, back.layers) {
      XCTAssertEqual(a.name, b.name)
      for (x, y) in zip(a.numbers, b.numbers) { XCTAssertEqual(x, y, accuracy: 1e-5 * max(1, abs(x))) }
    }
    XCTAssertEqual(WeightSummary.resource(ofKey: WeightSummary.key(2.5)), 2.5)
    XCTAssertNil(WeightSummary.resource(ofKey: "weights"))
    for text in ["", "[]", "{\"a\": [1]}", "{\"a\": 3}"] { XCTAssertNil(WeightSummary(text: text), text) }
  }

  func testPiecesOfALargeTensorStandForAllOfIt() throws {
    let file = try TensorFile(
      write(safetensors([("w", [100_000], (0..<100_000).map { Float($0) })]), "m.safetensors"))
    let part = try file.values(of: file.tensors[0], atMost: 5120)
    XCTAssertEqual(part.count, 5120)
    XCTAssertEqual(part.reduce(0, +) / 5120, 50_000, accuracy: 500)
    XCTAssertEqual(part[0], 0)
  }
}
