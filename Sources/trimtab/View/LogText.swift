import Trimtab

/// The events of a log, all of them, as lines and as JSON objects.
///
/// They are those of `EventText` and `EventJSON`, with the event's number, its time, and the proposals that the views of
/// a running study leave out.
enum LogText {
  /// - Parameter state: the state that has absorbed the event.
  static func line(_ sequence: Int, _ event: Event, _ state: StudyState) -> String {
    let number = String(sequence)
    let padding = String(repeating: " ", count: max(0, 6 - number.count))
    return "\(padding)\(number)  \(TimeText.plain(event.time))  \(printable(text(event, state)))"
  }

  static func text(_ event: Event, _ state: StudyState) -> String {
    if let line = EventText.line(event, state) { return line }
    guard case .trialProposed(let trial, let kind, let target, let annotation) = event.body else { return "" }
    let goal = target.map { ", up to \(EventText.resource($0, state))" } ?? ""
    switch kind {
    case .resume: return "trial \(trial) is to go on\(goal)"
    case .clone(let parent, _): return "trial \(trial) was proposed, from trial \(parent)'s checkpoint\(goal)"
    case .new, .enqueued: return "trial \(trial) was proposed (\(annotation.origin?.name ?? "unknown origin"))\(goal)"
    }
  }

  /// - Parameter state: the state that has absorbed the event.
  static func json(_ sequence: Int, _ event: Event, _ state: StudyState) -> JSONValue {
    guard case .object(let members) = EventJSON.object(event, state) ?? proposal(event, state) else { return .null }
    return .object([.init("sequence", .integer(sequence))] + members)
  }

  private static func proposal(_ event: Event, _ state: StudyState) -> JSONValue {
    guard case .trialProposed(let trial, let kind, let target, let annotation) = event.body else { return .null }
    var parent: Int?
    var name = "proposed"
    switch kind {
    case .resume: name = "resumed"
    case .clone(let other, _): parent = other
    case .new, .enqueued: break
    }
    return .members([
      "event": .string(name), "time": .integer(Int(event.time)), "trial": .integer(trial),
      "origin": annotation.origin.map { .string($0.name) }, "parent": parent.map { .integer($0) },
      "student": annotation[.student].map { .integer($0) }, "teacher": annotation[.teacher].map { .integer($0) },
      "target": target.map { .number($0) },
      "config": kind == .resume ? nil : state.spec.space.json(of: state.history.configuration(trial)),
    ])
  }
}
