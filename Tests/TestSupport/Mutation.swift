import TrimtabNumerics

/// The text with up to `edits` random edits: characters deleted, doubled, replaced or inserted, lines moved, ends cut off.
public func mutated(_ text: String, _ stream: inout RandomStream, edits: Int = 6) -> String {
  var characters = Array(text)
  let odd = Array("{}[]:,-#&*!|>'\"%@`\\\t\n\r \u{0}\u{7F}\u{85}\u{FEFF}éß🙂0123456789.eE+x~?=<>()_aZ")
  for _ in 0..<(1 + stream.index(below: edits)) where !characters.isEmpty {
    let i = stream.index(below: characters.count)
    switch stream.index(below: 7) {
    case 0: characters.remove(at: i)
    case 1: characters.insert(characters[i], at: i)
    case 2: characters[i] = odd[stream.index(below: odd.count)]
    case 3: characters.insert(odd[stream.index(below: odd.count)], at: i)
    case 4:
      let length = min(characters.count - i, stream.index(below: 30))
      let piece = Array(characters[i..<(i + length)])
      characters.removeSubrange(i..<(i + length))
      characters.insert(contentsOf: piece, at: stream.index(below: characters.count + 1))
    case 5:
      var lines = characters.split(separator: "\n", omittingEmptySubsequences: false).map(Array.init)
      let line = lines.remove(at: stream.index(below: lines.count))
      if stream.uniform() < 0.7 { lines.insert(line, at: stream.index(below: lines.count + 1)) }
      characters = Array(lines.joined(separator: ["\n"]))
    default: if stream.uniform() < 0.3 { characters = Array(characters[..<i]) }
    }
  }
  return String(characters)
}
