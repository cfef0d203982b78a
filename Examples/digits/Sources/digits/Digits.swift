/// The handwritten digits: 8 × 8 images with 17 grey levels, split into three parts for good.
///
/// The file holds 65 bytes an image: 64 pixels (0 to 16, row after row), then the digit (0 to 9).
/// Counting the images of one digit in the order of the file, from 0, the k-th goes to the training
/// part if k mod 5 is 0, 1 or 2, to the validation part if it is 3, and to the test part if it is 4.
struct Digits {
  struct Part {
    /// 64 floats an image, scaled to 0...1.
    var images: [Float] = []
    var labels: [Int] = []
    var count: Int { labels.count }
  }

  static let pixels = 64
  static let classes = 10

  private(set) var training = Part()
  private(set) var validation = Part()
  private(set) var test = Part()
  /// Of the file's bytes: tells a checkpoint whether it was trained on the same images.
  let checksum: UInt64

  /// - Throws: `Failure.environment` naming the first image that is not one.
  init(bytes: [UInt8], path: String) throws(Failure) {
    let record = Self.pixels + 1
    guard !bytes.isEmpty, bytes.count % record == 0 else {
      throw .environment("\(path): \(bytes.count) bytes is not a whole number of \(record)-byte images")
    }
    checksum = digest(bytes[...])
    var seen = [Int](repeating: 0, count: Self.classes)
    for start in stride(from: 0, to: bytes.count, by: record) {
      let pixels = bytes[start..<start + Self.pixels]
      let label = Int(bytes[start + Self.pixels])
      guard pixels.allSatisfy({ $0 <= 16 }), label < Self.classes else {
        throw .environment("\(path): image \(start / record) has a pixel above 16 or a label above 9")
      }
      let part: WritableKeyPath<Digits, Part> =
        switch seen[label] % 5 {
        case 3: \.validation
        case 4: \.test
        default: \.training
        }
      seen[label] += 1
      self[keyPath: part].images.append(contentsOf: pixels.map { Float($0) / 16 })
      self[keyPath: part].labels.append(label)
    }
    guard test.count > 0 else {
      throw .environment("\(path): too few images to make a training, a validation and a test part")
    }
  }

  /// Reads the file at `path`; without one, looks where `TRIMTAB_DIGITS_DATA` says, then for `digits.data`
  /// in the working directory and in `Examples/digits`.
  static func load(from path: String?) throws(Failure) -> Digits {
    if let path = path ?? environment("TRIMTAB_DIGITS_DATA") {
      guard let bytes = try readFile(path) else { throw .environment("\(path): there is no such file") }
      return try Digits(bytes: bytes, path: path)
    }
    let places = ["digits.data", "Examples/digits/digits.data"]
    for place in places {
      if let bytes = try readFile(place) { return try Digits(bytes: bytes, path: place) }
    }
    throw .environment(
      "found neither \(places.joined(separator: " nor ")) from here: say where it is with --data=PATH")
  }
}
