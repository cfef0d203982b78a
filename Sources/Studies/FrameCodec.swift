import TrimtabNumerics
import TrimtabSearchSpaces

/// Why the bytes of a frame cannot be read.
public enum FrameError: Error, Sendable, Equatable, CustomStringConvertible {
  case truncated
  case checksumMismatch
  case unknownFormat(UInt8)
  case unknownEvent(UInt8)
  case malformed(String)

  public var description: String {
    switch self {
    case .truncated: "the record ends too early"
    case .checksumMismatch: "the record's checksum does not match its contents"
    case .unknownFormat(let format): "the record has format \(format), written by a later version of trimtab"
    case .unknownEvent(let kind): "the record holds an event of kind \(kind), written by a later version of trimtab"
    case .malformed(let what): "the record has an impossible \(what)"
    }
  }
}

/// The bytes of the events that one transaction appends to a log.
///
/// A frame is: format (1 byte), number of events (varint), time of the first event (zigzag varint), the events, and the
/// CRC-32C of all of that (4 bytes, little-endian). An event is: kind (1 byte), time since the event before it (zigzag
/// varint, absent for the first), and its fields. Trials, counts and enumerations are varints; numbers take 1 byte when
/// they are small whole numbers or inactive, 9 otherwise; metric names are the index of an objective plus 1, or 0 and the
/// text. A configuration of ten reals takes about 100 bytes, a report about 15.
public struct FrameCodec: Sendable {
  public static let format: UInt8 = 1

  private let objectives: [String]

  /// - Parameter objectives: the metric names of the study's objectives, which never change.
  public init(objectives: [String]) { self.objectives = objectives }

  public func encode(_ events: [Event]) -> [UInt8] {
    var writer = ByteWriter()
    writer.bytes.reserveCapacity(Self.expectedSize(events))
    writer.byte(Self.format)
    writer.varint(UInt64(events.count))
    var time = events.first?.time ?? 0
    writer.zigzag(time)
    for (i, event) in events.enumerated() {
      writer.byte(kind(of: event.body))
      if i > 0 {
        writer.zigzag(event.time &- time)
        time = event.time
      }
      write(event.body, to: &writer)
    }
    let checksum = writer.bytes.withUnsafeBytes { crc32c($0) }
    for shift in [0, 8, 16, 24] as [UInt32] { writer.byte(UInt8(truncatingIfNeeded: checksum >> shift)) }
    return writer.bytes
  }

  /// Close to what a frame takes: a log in memory keeps every frame, with all the room that was reserved for it.
  private static func expectedSize(_ events: [Event]) -> Int {
    events.reduce(16) { size, event in
      switch event.body {
      case .trialProposed(_, .new(let configuration), _, _), .trialProposed(_, .enqueued(let configuration), _, _),
        .trialProposed(_, .clone(_, let configuration), _, _), .trialConfigured(_, let configuration):
        size + 24 + 9 * configuration.slots.count
      default: size + 20
      }
    }
  }

  /// Reads a frame's events.
  /// - Parameter isOwn: the frame was made by this process a moment ago, and its checksum need not be looked at.
  /// - Throws: `FrameError` when the bytes are not a whole, unharmed frame of a known format.
  public func decode(_ frame: UnsafeRawBufferPointer, isOwn: Bool = false, _ body: (Event) throws -> Void) throws {
    guard frame.count >= 7 else { throw FrameError.truncated }
    guard frame[0] == Self.format else { throw FrameError.unknownFormat(frame[0]) }
    let contents = UnsafeRawBufferPointer(rebasing: frame[..<(frame.count - 4)])
    var stored: UInt32 = 0
    for i in 0..<4 { stored |= UInt32(frame[contents.count + i]) << UInt32(8 * i) }
    guard isOwn || crc32c(contents) == stored else { throw FrameError.checksumMismatch }
    var reader = ByteReader(contents)
    _ = try reader.byte()
    let count = try reader.varint()
    var time = try reader.zigzag()
    for i in 0..<count {
      let kind = try reader.byte()
      if i > 0 { time &+= try reader.zigzag() }
      try body(Event(time: time, try readBody(kind, &reader)))
    }
    guard reader.isAtEnd else { throw FrameError.malformed("length") }
  }

  /// The events of a frame, all at once.
  /// - Throws: `FrameError` as the other form does.
  public func decode(_ frame: [UInt8]) throws -> [Event] {
    var events: [Event] = []
    try frame.withUnsafeBytes { try decode($0) { events.append($0) } }
    return events
  }

  // MARK: Events

  private func kind(of body: Event.Body) -> UInt8 {
    switch body {
    case .studyCreated: 1
    case .studyAmended: 2
    case .trialProposed: 3
    case .trialStarted: 4
    case .reported: 5
    case .trialPaused: 6
    case .trialStopped: 7
    case .trialCompleted: 8
    case .trialFailed: 9
    case .trialLost: 10
    case .trialReleased: 11
    case .trialConfigured: 12
    case .noted: 13
    case .earlierStudy: 14
    case .studyStopped: 15
    }
  }

  private func write(_ body: Event.Body, to writer: inout ByteWriter) {
    switch body {
    case .studyCreated(let text), .studyAmended(let text): writer.text(text)
    case .trialProposed(let trial, let kind, let target, let annotation):
      writer.varint(UInt64(trial))
      switch kind {
      case .new(let configuration):
        writer.byte(0)
        writer.configuration(configuration)
      case .resume: writer.byte(1)
      case .clone(let parent, let configuration):
        writer.byte(2)
        writer.varint(UInt64(parent))
        writer.configuration(configuration)
      case .enqueued(let configuration):
        writer.byte(3)
        writer.configuration(configuration)
      }
      writer.number(target ?? .nan)
      writer.varint(UInt64(annotation.entries.count))
      for entry in annotation.entries {
        writer.byte(entry.field)
        writer.zigzag(Int64(entry.value))
      }
    case .trialStarted(let trial, let worker):
      writer.varint(UInt64(trial))
      writer.fixed(worker)
    case .reported(let trial, let resource, let metrics):
      writer.varint(UInt64(trial))
      writer.number(resource ?? .nan)
      writer.varint(UInt64(metrics.count))
      for metric in metrics {
        if let index = objectives.firstIndex(of: metric.name) {
          writer.varint(UInt64(index) + 1)
        } else {
          writer.varint(0)
          writer.text(metric.name)
        }
        // NaN is a possible metric, so metrics do not share the short form that means "inactive".
        writer.fixed(metric.value.bitPattern)
      }
    case .trialPaused(let trial, let isFrozen, let seconds):
      writer.varint(UInt64(trial))
      writer.byte(isFrozen ? 1 : 0)
      writer.seconds(seconds)
    case .trialStopped(let trial, let reason, let seconds):
      writer.varint(UInt64(trial))
      writer.byte(reason.rawValue)
      writer.seconds(seconds)
    case .trialCompleted(let trial, let seconds), .trialReleased(let trial, let seconds):
      writer.varint(UInt64(trial))
      writer.seconds(seconds)
    case .trialFailed(let trial, let kind, let message, let seconds):
      writer.varint(UInt64(trial))
      writer.byte(kind.rawValue)
      writer.text(message)
      writer.seconds(seconds)
    case .trialLost(let trial): writer.varint(UInt64(trial))
    case .trialConfigured(let trial, let configuration):
      writer.varint(UInt64(trial))
      writer.configuration(configuration)
    case .noted(let trial, let key, let value):
      writer.varint(trial.map { UInt64($0) + 1 } ?? 0)
      writer.text(key)
      writer.text(value)
    case .earlierStudy(let study):
      writer.text(study.name)
      writer.varint(UInt64(study.trials.count))
      for trial in study.trials {
        writer.configuration(trial.configuration)
        writer.fixed(trial.value.bitPattern)
      }
      writer.varint(UInt64(study.remarks.count))
      for remark in study.remarks { writer.text(remark) }
    case .studyStopped(let reason): writer.text(reason)
    }
  }

  private func readBody(_ kind: UInt8, _ reader: inout ByteReader) throws(FrameError) -> Event.Body {
    switch kind {
    case 1: return .studyCreated(specification: try reader.text())
    case 2: return .studyAmended(specification: try reader.text())
    case 3:
      let trial = try reader.index()
      let proposal: ProposalKind
      switch try reader.byte() {
      case 0: proposal = .new(try reader.configuration())
      case 1: proposal = .resume
      case 2: proposal = .clone(of: try reader.index(), try reader.configuration())
      case 3: proposal = .enqueued(try reader.configuration())
      default: throw .malformed("kind of proposal")
      }
      let target = try reader.number()
      var entries: [Annotation.Entry] = []
      for _ in 0..<(try reader.count()) {
        entries.append(.init(field: try reader.byte(), value: Int(try reader.zigzag())))
      }
      return .trialProposed(trial, proposal, target: target.isNaN ? nil : target, Annotation(entries: entries))
    case 4: return .trialStarted(try reader.index(), worker: try reader.fixed())
    case 5:
      let trial = try reader.index()
      let resource = try reader.number()
      var metrics: [MetricValue] = []
      for _ in 0..<(try reader.count()) {
        let index = try reader.varint()
        let name: String
        if index == 0 {
          name = try reader.text()
        } else {
          guard index <= UInt64(objectives.count) else { throw .malformed("metric") }
          name = objectives[Int(index) - 1]
        }
        metrics.append(MetricValue(name, Double(bitPattern: try reader.fixed())))
      }
      return .reported(trial, resource: resource.isNaN ? nil : resource, metrics)
    case 6:
      return .trialPaused(try reader.index(), isFrozen: try reader.byte() != 0, seconds: try reader.seconds())
    case 7:
      let trial = try reader.index()
      guard let reason = StopReason(rawValue: try reader.byte()) else { throw .malformed("reason for stopping") }
      return .trialStopped(trial, reason, seconds: try reader.seconds())
    case 8: return .trialCompleted(try reader.index(), seconds: try reader.seconds())
    case 9:
      let trial = try reader.index()
      guard let failure = FailureKind(rawValue: try reader.byte()) else { throw .malformed("kind of failure") }
      return .trialFailed(trial, failure, message: try reader.text(), seconds: try reader.seconds())
    case 10: return .trialLost(try reader.index())
    case 11: return .trialReleased(try reader.index(), seconds: try reader.seconds())
    case 12: return .trialConfigured(try reader.index(), try reader.configuration())
    case 13:
      let owner = try reader.varint()
      guard owner <= 1 << 31 else { throw .malformed("trial number") }
      return .noted(
        owner == 0 ? nil : Int(owner) - 1, key: try reader.text(), value: try reader.text())
    case 14:
      var study = EarlierStudy(name: try reader.text(), trials: [])
      for _ in 0..<(try reader.count()) {
        let configuration = try reader.configuration()
        study.trials.append(.init(configuration, value: Double(bitPattern: try reader.fixed())))
      }
      for _ in 0..<(try reader.count()) { study.remarks.append(try reader.text()) }
      return .earlierStudy(study)
    case 15: return .studyStopped(reason: try reader.text())
    default: throw .unknownEvent(kind)
    }
  }
}

private struct ByteWriter {
  var bytes: [UInt8] = []

  mutating func byte(_ value: UInt8) { bytes.append(value) }

  mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(truncatingIfNeeded: rest))
  }

  mutating func zigzag(_ value: Int64) { varint(UInt64(bitPattern: (value << 1) ^ (value >> 63))) }

  mutating func fixed(_ value: UInt64) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }

  /// 0 for NaN, 1…0xFE for the whole numbers 0…253, 0xFF and the 8 bytes otherwise.
  mutating func number(_ value: Double) {
    if value.isNaN {
      byte(0)
    } else if value >= 0, value < 254, value == value.rounded(), value.sign == .plus {
      byte(UInt8(value) + 1)
    } else {
      byte(0xFF)
      fixed(value.bitPattern)
    }
  }

  /// Durations in milliseconds are precise enough to be charged and short enough to be cheap.
  mutating func seconds(_ value: Double) { varint(UInt64(min(max(0, value * 1000), 0x1p62).rounded())) }

  mutating func text(_ value: String) {
    var copy = value
    copy.withUTF8 {
      varint(UInt64($0.count))
      bytes.append(contentsOf: $0)
    }
  }

  mutating func configuration(_ value: Configuration) {
    varint(UInt64(value.slots.count))
    for slot in value.slots { number(slot) }
  }
}

private struct ByteReader {
  private let bytes: UnsafeRawBufferPointer
  private var next = 0

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  var isAtEnd: Bool { next == bytes.count }

  mutating func byte() throws(FrameError) -> UInt8 {
    guard next < bytes.count else { throw .truncated }
    next += 1
    return bytes[next - 1]
  }

  mutating func varint() throws(FrameError) -> UInt64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while true {
      let piece = try byte()
      guard shift < 63 || piece <= 1 else { throw .malformed("number") }
      value |= UInt64(piece & 0x7F) << shift
      if piece < 0x80 { return value }
      shift += 7
      guard shift < 64 else { throw .malformed("number") }
    }
  }

  mutating func zigzag() throws(FrameError) -> Int64 {
    let value = try varint()
    return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
  }

  mutating func fixed() throws(FrameError) -> UInt64 {
    guard bytes.count - next >= 8 else { throw .truncated }
    next += 8
    return UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: next - 8, as: UInt64.self))
  }

  mutating func number() throws(FrameError) -> Double {
    switch try byte() {
    case 0: .nan
    case 0xFF: Double(bitPattern: try fixed())
    case let small: Double(small - 1)
    }
  }

  mutating func seconds() throws(FrameError) -> Double { Double(try varint()) / 1000 }

  /// A trial's number.
  mutating func index() throws(FrameError) -> Int {
    let value = try varint()
    guard value < 1 << 31 else { throw .malformed("trial number") }
    return Int(value)
  }

  /// A number of things each of which takes at least one of the bytes left.
  mutating func count() throws(FrameError) -> Int {
    let value = try varint()
    guard value <= UInt64(bytes.count - next) else { throw .truncated }
    return Int(value)
  }

  mutating func text() throws(FrameError) -> String {
    let length = try count()
    next += length
    guard let text = String(validating: bytes[(next - length)..<next], as: UTF8.self) else { throw .malformed("text") }
    return text
  }

  mutating func configuration() throws(FrameError) -> Configuration {
    let length = try count()
    var slots: [Double] = []
    slots.reserveCapacity(length)
    for _ in 0..<length { slots.append(try number()) }
    return Configuration(slots: slots)
  }
}
