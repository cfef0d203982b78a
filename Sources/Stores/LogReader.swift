import TrimtabStudies

/// Reads a log event by event, and goes on later where it stopped.
public struct LogReader {
  /// The sequence number of the next event.
  public private(set) var position: Int
  private var codec: FrameCodec

  /// Begins with the first event.
  public init() {
    position = 0
    codec = FrameCodec(objectives: [])
  }

  /// Begins at the end of a state that was folded from the same log.
  public init(after state: StudyState) {
    position = state.eventCount
    codec = FrameCodec(objectives: state.spec.objectives.map(\.metric))
  }

  /// Reads the events that the log holds beyond those already read.
  /// - Throws: `StoreError` when the log cannot be read or has a gap, `FrameError` or `Diagnostics` when what it says
  ///   cannot be read, and what `body` throws.
  public mutating func read(_ log: any StudyLog, _ body: (_ sequence: Int, _ event: Event) throws -> Void) throws {
    var reader = self
    defer { self = reader }
    try log.read(from: position) { position, frame in
      guard position == reader.position else {
        throw StoreError(.corrupt, "the log has a gap: event \(reader.position) is followed by \(position)")
      }
      let codec = reader.codec
      try codec.decode(frame) { event in
        if reader.position == 0, case .studyCreated(let text) = event.body {
          let spec = try StudySpec.parse(json: text, name: "the log's specification")
          reader.codec = FrameCodec(objectives: spec.objectives.map(\.metric))
        }
        try body(reader.position, event)
        reader.position += 1
      }
    }
  }
}
