/// The guard's side of the protocol: lines "+GROUP" and "-GROUP" that say which process groups are to end with the tuner.
struct GuardLedger {
  private(set) var groups: Set<Int32> = []
  private var partial: [UInt8] = []

  /// The longest line there is: a sign and ten digits.
  private static let longestLine = 11

  /// Takes in bytes as they come, cut anywhere. What is no line of the protocol is passed over, above all 0, 1 and
  /// negative numbers, which mean other things to kill(2) than a group.
  mutating func absorb(_ bytes: some Sequence<UInt8>) {
    for byte in bytes {
      guard byte == 10 else {
        if partial.count <= Self.longestLine { partial.append(byte) }
        continue
      }
      if let (group, joins) = Self.parse(partial) {
        if joins { groups.insert(group) } else { groups.remove(group) }
      }
      partial.removeAll(keepingCapacity: true)
    }
  }

  private static func parse(_ line: [UInt8]) -> (group: Int32, joins: Bool)? {
    guard let sign = line.first, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") else { return nil }
    let digits = line.dropFirst()
    guard digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
      let group = Int32(String(decoding: digits, as: UTF8.self)), group > 1
    else { return nil }
    return (group, sign == UInt8(ascii: "+"))
  }
}
