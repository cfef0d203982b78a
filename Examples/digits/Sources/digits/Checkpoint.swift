/// A training run as bytes, so that a resumed run goes on bit for bit as if it had never stopped.
///
/// Layout, little-endian: the 8 bytes "DIGITS01"; a digest of all that follows; the settings as flags, one a line,
/// after their length; the digest of the data; random state; optimiser steps; the epochs' results after their number;
/// and three arrays of 32-bit floats, each after its length: parameters and the optimiser's two moments.
enum Checkpoint {
  static let fileName = "training.checkpoint"
  private static let magic = Array("DIGITS01".utf8)

  /// Why a checkpoint cannot be used.
  struct Unusable: Error {
    let reason: String
  }

  static func encode(_ training: Training, dataChecksum: UInt64) -> [UInt8] {
    var body: [UInt8] = []
    func append(_ word: UInt64) {
      withUnsafeBytes(of: word.littleEndian) { body.append(contentsOf: $0) }
    }
    let flags = Array(training.settings.flags.joined(separator: "\n").utf8)
    append(UInt64(flags.count))
    body += flags
    append(dataChecksum)
    append(training.stream.state)
    append(training.optimizer.steps)
    append(UInt64(training.history.count))
    for result in training.history {
      for number in [result.loss, result.accuracy, result.seconds] { append(number.bitPattern) }
    }
    for buffer in [training.network.parameters, training.optimizer.first, training.optimizer.second] {
      append(UInt64(buffer.count))
      body.reserveCapacity(body.count + 4 * buffer.count)
      for value in buffer.values {
        withUnsafeBytes(of: value.bitPattern.littleEndian) { body.append(contentsOf: $0) }
      }
    }
    let sum = withUnsafeBytes(of: digest(body[...]).littleEndian) { Array($0) }
    return magic + sum + body
  }

  static func decode(_ bytes: [UInt8], dataChecksum: UInt64) throws(Unusable) -> Training {
    var reader = Reader(rest: bytes[...])
    guard try reader.bytes(magic.count).elementsEqual(magic) else {
      throw Unusable(reason: "it is not a checkpoint of this program's version")
    }
    let sum = try reader.word()
    guard sum == digest(reader.rest) else { throw Unusable(reason: "it is damaged") }
    let flags = String(decoding: try reader.bytes(reader.count()), as: UTF8.self)
    let settings: Settings
    do {
      settings = try CommandLineOptions(flags.split(separator: "\n").map(String.init)).settings
    } catch {
      throw Unusable(reason: "its settings cannot be read")
    }
    guard try reader.word() == dataChecksum else { throw Unusable(reason: "it was trained on other data") }
    let training = Training(settings)
    training.stream = RandomStream(state: try reader.word())
    training.optimizer.steps = try reader.word()
    for _ in 0..<(try reader.count()) {
      training.history.append(
        EpochResult(loss: try reader.double(), accuracy: try reader.double(), seconds: try reader.double()))
    }
    for buffer in [training.network.parameters, training.optimizer.first, training.optimizer.second] {
      guard try reader.count() == buffer.count else { throw Unusable(reason: "its network has another size") }
      buffer.values = try reader.floats(buffer.count)
    }
    guard reader.rest.isEmpty else { throw Unusable(reason: "it has bytes after its end") }
    return training
  }
}

private struct Reader {
  var rest: ArraySlice<UInt8>

  mutating func bytes(_ count: Int) throws(Checkpoint.Unusable) -> ArraySlice<UInt8> {
    guard count <= rest.count else { throw Checkpoint.Unusable(reason: "it is cut short") }
    defer { rest = rest.dropFirst(count) }
    return rest.prefix(count)
  }

  mutating func word() throws(Checkpoint.Unusable) -> UInt64 {
    try bytes(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// A length: never more than the bytes that are left.
  mutating func count() throws(Checkpoint.Unusable) -> Int {
    let word = try word()
    guard word <= UInt64(rest.count) else { throw Checkpoint.Unusable(reason: "it is cut short") }
    return Int(word)
  }

  mutating func double() throws(Checkpoint.Unusable) -> Double {
    Double(bitPattern: try word())
  }

  mutating func floats(_ count: Int) throws(Checkpoint.Unusable) -> [Float] {
    let source = try bytes(4 * count)
    return source.withUnsafeBytes { raw in
      (0..<count).map {
        Float(bitPattern: UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self)))
      }
    }
  }
}
