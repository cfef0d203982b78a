import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies

/// Events of every kind with every kind of content, whether or not they could follow in any log.
public struct RandomEvents {
  private var stream: RandomStream
  public let objectives: [String]

  public init(seed: UInt64, objectives: [String] = ["loss", "acc"]) {
    stream = RandomStream(seed: seed, purpose: stableHash("random events"), index: 0)
    self.objectives = objectives
  }

  private mutating func number() -> Double {
    let special: [Double] = [
      0, -0.0, 1, 2, 253, 254, 255, 0.5, -1, .nan, .infinity, -.infinity, .greatestFiniteMagnitude,
      .leastNonzeroMagnitude, 1e-300, 0x1p53, 1.5,
    ]
    switch stream.index(below: 3) {
    case 0: return special[stream.index(below: special.count)]
    case 1: return Double(stream.index(below: 300))
    default: return Double(bitPattern: stream.next())
    }
  }

  private mutating func text() -> String {
    let texts = [
      "", "x", "learning rate", "äöü", "日本語", "👩‍👩‍👧", "a\u{0}b", "\"quoted\"\n", String(repeating: "y", count: 300),
    ]
    return texts[stream.index(below: texts.count)]
  }

  private mutating func trial() -> TrialNumber {
    [0, 1, 127, 128, 16_383, (1 << 31) - 1][stream.index(below: 6)]
  }

  private mutating func time() -> Timestamp {
    switch stream.index(below: 4) {
    case 0: return Timestamp(bitPattern: stream.next())
    case 1: return [0, -1, .max, .min][stream.index(below: 4)]
    default: return 1_800_000_000_000 + Timestamp(stream.index(below: 1_000_000))
    }
  }

  /// Whole milliseconds, which is what the log keeps.
  private mutating func seconds() -> Double { Double(stream.index(below: 10_000_000)) / 1000 }

  private mutating func configuration() -> Configuration {
    Configuration(
      slots: (0..<stream.index(below: 12)).map { _ in
        let value = number()
        // In a configuration NaN only ever means inactive, and its bits are not kept.
        return value.isNaN ? .nan : value
      })
  }

  private mutating func resource() -> Double? {
    let value = number()
    return value.isNaN ? nil : value
  }

  private mutating func annotation() -> Annotation {
    Annotation(
      entries: (0..<stream.index(below: 4)).map { _ in
        .init(field: UInt8(stream.index(below: 256)), value: Int(bitPattern: UInt(stream.next())))
      })
  }

  private mutating func metrics() -> [MetricValue] {
    (0..<stream.index(below: 5)).map { _ in
      let name = stream.index(below: 2) == 0 ? objectives[stream.index(below: objectives.count)] : text()
      return MetricValue(name, number())
    }
  }

  public mutating func next() -> Event {
    let body: Event.Body
    switch stream.index(below: 15) {
    case 0: body = .studyCreated(specification: text())
    case 1: body = .studyAmended(specification: text())
    case 2:
      let kind: ProposalKind
      switch stream.index(below: 4) {
      case 0: kind = .new(configuration())
      case 1: kind = .resume
      case 2: kind = .clone(of: trial(), configuration())
      default: kind = .enqueued(configuration())
      }
      body = .trialProposed(trial(), kind, target: resource(), annotation())
    case 3: body = .trialStarted(trial(), worker: stream.next())
    case 4: body = .reported(trial(), resource: resource(), metrics())
    case 5: body = .trialPaused(trial(), isFrozen: stream.index(below: 2) == 0, seconds: seconds())
    case 6: body = .trialStopped(trial(), StopReason.allCases[stream.index(below: 3)], seconds: seconds())
    case 7: body = .trialCompleted(trial(), seconds: seconds())
    case 8:
      body = .trialFailed(
        trial(), FailureKind.allCases[stream.index(below: 6)], message: text(), seconds: seconds())
    case 9: body = .trialLost(trial())
    case 10: body = .trialConfigured(trial(), configuration())
    case 11: body = .noted(stream.index(below: 2) == 0 ? nil : trial(), key: text(), value: text())
    case 12:
      let trials = (0..<stream.index(below: 4)).map { _ in EarlierStudy.Trial(configuration(), value: number()) }
      let remarks = (0..<stream.index(below: 3)).map { _ in text() }
      // Comparisons of events are of numbers, to which a NaN is not equal.
      body = .earlierStudy(EarlierStudy(name: text(), trials: trials.filter { !$0.value.isNaN }, remarks: remarks))
    case 13: body = .studyStopped(reason: text())
    default: body = .trialReleased(trial(), seconds: seconds())
    }
    return Event(time: time(), body)
  }

  public mutating func next(_ count: Int) -> [Event] { (0..<count).map { _ in next() } }
}
