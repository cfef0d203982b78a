#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Why a file of weights cannot be read.
struct TensorFileError: Error, Equatable, CustomStringConvertible {
  var description: String

  init(_ message: String) { description = message }
}

/// The tensors of a file of weights: where each lies, and its numbers on demand. Nothing is read that is not asked for.
///
/// Reads safetensors, and NumPy's npz as `numpy.savez` writes it. Whatever a file says of itself is checked against its size before
/// anything is read.
final class TensorFile {
  /// How numbers are stored.
  enum Element: Sendable, Equatable {
    case double
    case single
    case half
    case brain

    var bytes: Int {
      switch self {
      case .double: 8
      case .single: 4
      case .half, .brain: 2
      }
    }
  }

  struct Tensor: Sendable, Equatable {
    var name: String
    var shape: [Int]
    var element: Element
    /// Where its first number lies in the file.
    var offset: Int
    /// How many numbers it has.
    var count: Int
  }

  /// The most that a file may say about its tensors.
  static let headerLimit = 16 << 20
  static let tensorLimit = 65_536

  private let descriptor: Int32
  let size: Int
  /// Those of floating-point numbers, by name; others are no weights.
  private(set) var tensors: [Tensor] = []

  /// - Throws: `TensorFileError` that says what is wrong with the file.
  init(_ path: String) throws(TensorFileError) {
    descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw TensorFileError("cannot be opened: \(String(cString: strerror(errno)))") }
    var info = stat()
    let isFile = fstat(descriptor, &info) == 0 && info.st_mode & S_IFMT == S_IFREG
    size = isFile ? Int(info.st_size) : 0
    guard isFile else { throw TensorFileError("this is no file") }
    tensors = path.hasSuffix(".npz") ? try npzTensors() : try safetensors()
    tensors.sort { $0.name < $1.name }
  }

  deinit { close(descriptor) }

  /// The bytes of a part of the file.
  /// - Throws: `TensorFileError` when the file has not so many.
  func bytes(at offset: Int, count: Int) throws(TensorFileError) -> [UInt8] {
    guard offset >= 0, count >= 0, offset <= size, count <= size - offset else {
      throw TensorFileError("it is cut off: \(count) bytes are missing at \(offset) of \(size)")
    }
    var buffer = [UInt8](repeating: 0, count: count)
    var done = 0
    while done < count {
      let read = buffer.withUnsafeMutableBytes { raw in
        pread(descriptor, raw.baseAddress.map { $0 + done }, count - done, off_t(offset + done))
      }
      if read < 0, errno == EINTR { continue }
      guard read > 0 else { throw TensorFileError("it cannot be read at \(offset + done)") }
      done += read
    }
    return buffer
  }

  /// A tensor that the file announces.
  /// - Throws: `TensorFileError` when its size is impossible.
  func tensor(
    _ name: String, shape: [Int], element: Element, offset: Int, bytes: Int
  ) throws(TensorFileError) -> Tensor {
    var count = 1
    for length in shape {
      let (product, overflow) = count.multipliedReportingOverflow(by: length)
      guard length >= 0, !overflow else { throw TensorFileError("'\(name)' has an impossible shape") }
      count = product
    }
    let (needed, overflow) = count.multipliedReportingOverflow(by: element.bytes)
    guard !overflow, needed == bytes else {
      throw TensorFileError("'\(name)' has \(bytes) bytes, which do not fit its shape")
    }
    guard offset >= 0, offset <= size, bytes <= size - offset else {
      throw TensorFileError("it is cut off: '\(name)' ends beyond its \(size) bytes")
    }
    guard tensors.count < Self.tensorLimit else {
      throw TensorFileError("it has more than \(Self.tensorLimit) tensors")
    }
    return Tensor(name: name, shape: shape, element: element, offset: offset, count: count)
  }

  /// A tensor's numbers; of one with more than `limit`, pieces from all over it.
  func values(of tensor: Tensor, atMost limit: Int) throws(TensorFileError) -> [Double] {
    let width = tensor.element.bytes
    guard tensor.count > limit else {
      return Self.decode(try bytes(at: tensor.offset, count: tensor.count * width), tensor.element)
    }
    let pieces = 256
    let piece = max(1, limit / pieces)
    var values: [Double] = []
    values.reserveCapacity(pieces * piece)
    for i in 0..<pieces {
      let start = (tensor.count - piece) / (pieces - 1) * i
      values += Self.decode(try bytes(at: tensor.offset + start * width, count: piece * width), tensor.element)
    }
    return values
  }

  static func decode(_ bytes: [UInt8], _ element: Element) -> [Double] {
    let count = bytes.count / element.bytes
    return bytes.withUnsafeBytes { raw in
      (0..<count).map { i in
        switch element {
        case .double:
          Double(bitPattern: UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: 8 * i, as: UInt64.self)))
        case .single:
          Double(Float(bitPattern: UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: 4 * i, as: UInt32.self))))
        case .half: half(UInt16(littleEndian: raw.loadUnaligned(fromByteOffset: 2 * i, as: UInt16.self)))
        case .brain:
          Double(
            Float(
              bitPattern: UInt32(UInt16(littleEndian: raw.loadUnaligned(fromByteOffset: 2 * i, as: UInt16.self))) << 16)
          )
        }
      }
    }
  }

  /// A number of IEEE's binary16, which Swift does not have on every platform.
  static func half(_ bits: UInt16) -> Double {
    let sign: Double = bits >> 15 == 1 ? -1 : 1
    let exponent = Int(bits >> 10 & 31)
    let fraction = Double(bits & 1023)
    if exponent == 31 { return fraction == 0 ? sign * .infinity : .nan }
    if exponent == 0 { return sign * fraction * 0x1p-24 }
    return sign * (1 + fraction / 1024) * Double(sign: .plus, exponent: exponent - 15, significand: 1)
  }
}
