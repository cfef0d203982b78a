import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabTestSupport
import XCTest

@testable import TrimtabStudies

final class FrameCodecTests: XCTestCase {
  private let codec = FrameCodec(objectives: ["loss", "acc"])

  func testEveryEventComesBackAsItWas() throws {
    var random = RandomEvents(seed: 1)
    for count in [0, 1, 2, 3, 50] {
      for _ in 0..<200 {
        let events = random.next(count)
        let frame = codec.encode(events)
        let copy = try codec.decode(frame)
        XCTAssertEqual(copy.count, events.count)
        // Bytes, because a NaN does not equal itself; the times and kinds too, because bytes alone could hide a field.
        XCTAssertEqual(codec.encode(copy), frame)
        XCTAssertEqual(copy.map(\.time), events.map(\.time))
        for (a, b) in zip(copy, events) { XCTAssertEqual("\(a.body)", "\(b.body)") }
      }
    }
  }

  func testTheBitsOfMetricsAreKept() throws {
    for bits in [0x7FF8_0000_0000_0001, 0xFFF8_0000_DEAD_BEEF, 0x8000_0000_0000_0000, 0x7FF4_0000_0000_0000] as [UInt64]
    {
      let event = Event(
        time: 0, .reported(3, resource: 1, [MetricValue("loss", Double(bitPattern: bits)), MetricValue("", 1)]))
      guard case .reported(_, _, let metrics)? = try codec.decode(codec.encode([event])).first?.body else {
        return XCTFail("another event came back")
      }
      XCTAssertEqual(metrics[0].value.bitPattern, bits)
      XCTAssertEqual(metrics[1].name, "")
    }
  }

  func testDurationsAreKeptToTheMillisecondAndNeverNegative() throws {
    func kept(_ seconds: Double) throws -> Double {
      guard
        case .trialCompleted(_, let copy)? = try codec.decode(
          codec.encode([Event(time: 0, .trialCompleted(0, seconds: seconds))])
        ).first?.body
      else { return .nan }
      return copy
    }
    XCTAssertEqual(try kept(1.2345), 1.235, accuracy: 1e-12)
    XCTAssertEqual(try kept(-3), 0)
    XCTAssertEqual(try kept(.nan), 0)
    XCTAssertTrue(try kept(.infinity).isFinite)
  }

  func testHarmedFramesAreRefusedAndNeverCrash() {
    var random = RandomEvents(seed: 2)
    var stream = RandomStream(seed: 3, purpose: 0, index: 0)
    var refused = 0
    for round in 0..<20_000 {
      let events = random.next(1 + stream.index(below: 3))
      var frame = codec.encode(events)
      switch round % 4 {
      case 0: frame.removeLast(1 + stream.index(below: frame.count))
      case 1: frame[stream.index(below: frame.count)] ^= 1 << UInt8(stream.index(below: 8))
      case 2: frame = (0..<stream.index(below: 60)).map { _ in UInt8(truncatingIfNeeded: stream.next()) }
      default:
        // Garbage with a true checksum: what is read is bounded by the bytes there are.
        var contents = Array(frame.dropLast(4))
        for _ in 0...stream.index(below: 3) {
          contents[stream.index(below: contents.count)] = UInt8(truncatingIfNeeded: stream.next())
        }
        let checksum = contents.withUnsafeBytes { crc32c($0) }
        frame = contents + (0..<4).map { UInt8(truncatingIfNeeded: checksum >> UInt32(8 * $0)) }
      }
      do {
        let decoded = try codec.decode(frame)
        if round % 4 == 3 {
          // Another meaning, but a meaning: it can be written and read again.
          XCTAssertEqual(try codec.decode(codec.encode(decoded)).count, decoded.count)
        } else {
          XCTAssertEqual(codec.encode(decoded), codec.encode(events))
        }
      } catch {
        XCTAssertTrue(error is FrameError, "\(error)")
        refused += 1
      }
    }
    XCTAssertGreaterThan(refused, 15_000)
  }

  func testASingleFlippedBitIsAlwaysNoticed() {
    var random = RandomEvents(seed: 4)
    for _ in 0..<40 {
      let frame = codec.encode([random.next()])
      guard frame.count < 500 else { continue }
      for bit in 0..<frame.count * 8 {
        var harmed = frame
        harmed[bit / 8] ^= 1 << UInt8(bit % 8)
        XCTAssertThrowsError(try codec.decode(harmed))
      }
    }
  }

  func testAnImpossibleCountAsksForNoMemory() {
    for kind: UInt8 in [1, 3, 5, 9] {
      var contents: [UInt8] = [FrameCodec.format, 1, 0, kind, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F]
      let checksum = contents.withUnsafeBytes { crc32c($0) }
      contents += (0..<4).map { UInt8(truncatingIfNeeded: checksum >> UInt32(8 * $0)) }
      XCTAssertThrowsError(try codec.decode(contents)) { XCTAssertTrue($0 is FrameError) }
    }
  }

  func testTextThatIsNotUnicodeIsRefused() {
    var contents: [UInt8] = [FrameCodec.format, 1, 0, 1, 2, 0xC3, 0x28]
    let checksum = contents.withUnsafeBytes { crc32c($0) }
    contents += (0..<4).map { UInt8(truncatingIfNeeded: checksum >> UInt32(8 * $0)) }
    XCTAssertThrowsError(try codec.decode(contents)) { XCTAssertEqual($0 as? FrameError, .malformed("text")) }
  }

  func testFormatsOfLaterVersionsAreNamed() {
    var frame = codec.encode([Event(time: 0, .trialLost(1))])
    frame[0] = 9
    XCTAssertThrowsError(try codec.decode(frame)) { XCTAssertEqual($0 as? FrameError, .unknownFormat(9)) }
    XCTAssertTrue("\(FrameError.unknownFormat(9))".contains("later version"))
  }

  func testEventsAreSmall() {
    var stream = RandomStream(seed: 5, purpose: 0, index: 0)
    let configuration = Configuration(slots: (0..<10).map { _ in stream.uniform() })
    let time: Timestamp = 1_800_000_000_000
    let proposal = codec.encode([
      Event(time: time, .trialProposed(100, .new(configuration), target: 27, Annotation(origin: .model))),
      Event(time: time, .trialStarted(100, worker: .max)),
    ])
    // Format, count, time and checksum belong to the frame, which all events of a transaction share.
    let frame = codec.encode([Event(time: time, .trialLost(0))]).count - 2
    XCTAssertEqual(frame, 12)
    XCTAssertLessThanOrEqual(proposal.count - frame, 110)
    let report = codec.encode([Event(time: time, .reported(100, resource: 9, [MetricValue("loss", 0.123456789)]))])
    XCTAssertLessThanOrEqual(report.count, 25)
  }
}
