extension TensorFile {
  /// A ZIP archive of NumPy's npy files that are stored as they are.
  func npzTensors() throws(TensorFileError) -> [Tensor] {
    let (offset, length, count) = try directory()
    guard length <= Self.headerLimit else {
      throw TensorFileError("its directory has more than \(Self.headerLimit) bytes")
    }
    let directory = try bytes(at: offset, count: length)
    var result: [Tensor] = []
    var place = 0
    for _ in 0..<count {
      guard place + 46 <= directory.count, Self.unsigned(directory, at: place, bytes: 4) == 0x0201_4b50 else {
        throw TensorFileError("its directory is damaged")
      }
      let method = Self.unsigned(directory, at: place + 10, bytes: 2)
      let flags = Self.unsigned(directory, at: place + 8, bytes: 2)
      var size = Self.unsigned(directory, at: place + 20, bytes: 4)
      let full = Self.unsigned(directory, at: place + 24, bytes: 4)
      let nameLength = Int(Self.unsigned(directory, at: place + 28, bytes: 2))
      let extraLength = Int(Self.unsigned(directory, at: place + 30, bytes: 2))
      let commentLength = Int(Self.unsigned(directory, at: place + 32, bytes: 2))
      var header = Self.unsigned(directory, at: place + 42, bytes: 4)
      let end = place + 46 + nameLength + extraLength
      guard end + commentLength <= directory.count else { throw TensorFileError("its directory is damaged") }
      let name = String(decoding: directory[(place + 46)..<(place + 46 + nameLength)], as: UTF8.self)
      Self.widen(directory, place + 46 + nameLength..<end, &size, full, &header)
      place = end + commentLength
      guard name.hasSuffix(".npy") else { continue }
      guard method == 0, flags & 1 == 0 else {
        throw TensorFileError("'\(name)' is compressed: write it with np.savez instead of np.savez_compressed")
      }
      guard size <= UInt64(self.size), header <= UInt64(self.size) else {
        throw TensorFileError("it is cut off: '\(name)' would end beyond its \(self.size) bytes")
      }
      if let tensor = try npy(String(name.dropLast(4)), header: Int(header), size: Int(size)) { result.append(tensor) }
      guard result.count < Self.tensorLimit else {
        throw TensorFileError("it has more than \(Self.tensorLimit) tensors")
      }
    }
    return result
  }

  /// Where the directory at the end of the archive lies, its length, and how many files it lists.
  private func directory() throws(TensorFileError) -> (offset: Int, length: Int, count: Int) {
    let tail = min(size, 65_557)
    let bytes = try bytes(at: size - tail, count: tail)
    guard
      let end = stride(from: bytes.count - 22, through: 0, by: -1).first(where: {
        Self.unsigned(bytes, at: $0, bytes: 4) == 0x0605_4b50
      })
    else { throw TensorFileError("it is no npz file, or cut off: it has no directory at its end") }
    let count = Self.unsigned(bytes, at: end + 10, bytes: 2)
    let length = Self.unsigned(bytes, at: end + 12, bytes: 4)
    let offset = Self.unsigned(bytes, at: end + 16, bytes: 4)
    guard count < 0xffff, length < 0xffff_ffff, offset < 0xffff_ffff else {
      throw TensorFileError("it is an archive of more than 4 GiB: save the weights as safetensors instead")
    }
    return (Int(offset), Int(length), Int(count))
  }

  /// Sizes beyond four bytes stand in an extra field.
  private static func widen(
    _ directory: [UInt8], _ range: Range<Int>, _ size: inout UInt64, _ full: UInt64, _ header: inout UInt64
  ) {
    var place = range.lowerBound
    while place + 4 <= range.upperBound {
      let length = Int(unsigned(directory, at: place + 2, bytes: 2))
      guard place + 4 + length <= range.upperBound else { return }
      if unsigned(directory, at: place, bytes: 2) == 1 {
        var next = place + 4
        let end = next + length
        if full == 0xffff_ffff { next += 8 }
        if size == 0xffff_ffff, next + 8 <= end {
          size = unsigned(directory, at: next, bytes: 8)
          next += 8
        }
        if header == 0xffff_ffff, next + 8 <= end { header = unsigned(directory, at: next, bytes: 8) }
      }
      place += 4 + length
    }
  }

  /// One npy file in the archive; nil when it does not hold floating-point numbers.
  private func npy(_ name: String, header: Int, size: Int) throws(TensorFileError) -> Tensor? {
    let local = try bytes(at: header, count: 30)
    guard Self.unsigned(local, at: 0, bytes: 4) == 0x0403_4b50 else { throw TensorFileError("'\(name)' is damaged") }
    let start =
      header + 30 + Int(Self.unsigned(local, at: 26, bytes: 2)) + Int(Self.unsigned(local, at: 28, bytes: 2))
    guard size >= 12 else { throw TensorFileError("'\(name)' is no npy file") }
    let magic = try bytes(at: start, count: 12)
    guard magic[0] == 0x93, magic[1..<6].elementsEqual("NUMPY".utf8), (1...3).contains(magic[6]) else {
      throw TensorFileError("'\(name)' is no npy file")
    }
    let isShort = magic[6] == 1
    let length = Int(Self.unsigned(magic, at: 8, bytes: isShort ? 2 : 4))
    let data = (isShort ? 10 : 12) + length
    guard length <= 1 << 20, data <= size else { throw TensorFileError("'\(name)' is cut off") }
    let text = String(decoding: try bytes(at: start + data - length, count: length), as: UTF8.self)
    guard let type = Self.quoted("descr", in: text), var shape = Self.shape(in: text) else {
      throw TensorFileError("'\(name)' has a header that is not understood: \(text.prefix(80))")
    }
    let element: Element
    switch type {
    case "<f8": element = .double
    case "<f4": element = .single
    case "<f2": element = .half
    case ">f8", ">f4", ">f2":
      throw TensorFileError("'\(name)' has the bytes of its numbers in the other order: save it as little-endian")
    default: return nil
    }
    // What is stored by columns is its transpose by rows.
    if text.contains("'fortran_order': True") { shape.reverse() }
    return try tensor(name, shape: shape, element: element, offset: start + data, bytes: size - data)
  }

  private static func quoted(_ key: String, in text: String) -> String? {
    let parts = text.split(separator: "'", omittingEmptySubsequences: false)
    guard let place = parts.firstIndex(where: { $0 == key }), place + 2 < parts.count else { return nil }
    return String(parts[place + 2])
  }

  private static func shape(in text: String) -> [Int]? {
    guard let open = text.firstIndex(of: "("), let close = text[open...].firstIndex(of: ")") else { return nil }
    var lengths: [Int] = []
    for part in text[text.index(after: open)..<close].split(separator: ",") {
      let digits = part.filter { $0 != " " }
      if digits.isEmpty { continue }
      guard let length = Int(digits) else { return nil }
      lengths.append(length)
    }
    return lengths
  }
}
