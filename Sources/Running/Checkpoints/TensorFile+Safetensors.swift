import TrimtabSearchSpaces

extension TensorFile {
  /// Eight bytes with the length of a JSON object, the object, and the numbers: the format of Hugging Face's safetensors.
  func safetensors() throws(TensorFileError) -> [Tensor] {
    let head = try bytes(at: 0, count: 8)
    let length = Self.unsigned(head, at: 0, bytes: 8)
    guard length <= UInt64(Self.headerLimit), Int(length) <= size - 8 else {
      throw TensorFileError("it is no safetensors file, or cut off: its header would have \(length) bytes")
    }
    let text = String(decoding: try bytes(at: 8, count: Int(length)), as: UTF8.self)
    guard let json = try? JSONValue.parse(text), case .object(let members) = json else {
      throw TensorFileError("it is no safetensors file: its header is no JSON object")
    }
    let start = 8 + Int(length)
    var result: [Tensor] = []
    for member in members where member.key != "__metadata__" {
      guard case .string(let type)? = member.value["dtype"], let shape = Self.lengths(member.value["shape"]),
        let ends = Self.lengths(member.value["data_offsets"]), ends.count == 2, ends[0] <= ends[1],
        ends[1] <= size
      else { throw TensorFileError("the header's entry of '\(member.key)' is not understood") }
      let element: Element
      switch type {
      case "F64": element = .double
      case "F32": element = .single
      case "F16": element = .half
      case "BF16": element = .brain
      default: continue
      }
      guard result.count < Self.tensorLimit else {
        throw TensorFileError("it has more than \(Self.tensorLimit) tensors")
      }
      result.append(
        try tensor(
          member.key, shape: shape, element: element, offset: start + ends[0], bytes: ends[1] - ends[0]))
    }
    return result
  }

  private static func lengths(_ json: JSONValue?) -> [Int]? {
    guard case .array(let items)? = json else { return nil }
    var lengths: [Int] = []
    for item in items {
      guard case .integer(let length) = item, length >= 0, length < 1 << 52 else { return nil }
      lengths.append(length)
    }
    return lengths
  }

  /// A number of up to eight bytes, the least significant first.
  static func unsigned(_ bytes: [UInt8], at offset: Int, bytes count: Int) -> UInt64 {
    var value: UInt64 = 0
    for i in (0..<count).reversed() { value = value << 8 | UInt64(bytes[offset + i]) }
    return value
  }
}
