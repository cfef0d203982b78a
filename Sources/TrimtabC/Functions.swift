import CTrimtab
import Trimtab

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

// The functions of trimtab.h. None of them lets an error out in any other way than as a text.

/// A copy that the caller frees.
private func copied(_ text: String) -> UnsafeMutablePointer<CChar>? { strdup(text) }

private func errorText(_ error: any Error) -> String {
  let kind =
    switch error {
    case let error as CallError: error.kind
    case is MethodError: SessionAnswer.ErrorKind.badStudy.rawValue
    default: SessionService.kind(of: error).rawValue
    }
  return JSONValue.members([
    "error": .members(["kind": .string(kind), "message": .string(String(describing: error))])
  ]).text
}

private let failed: Int32 = -1

/// Text that came from a program: it need not be UTF-8.
private func text(_ pointer: UnsafePointer<CChar>?) throws -> String {
  guard let pointer else { throw CallError("badRequest", "a text is missing") }
  guard let text = String(validatingCString: pointer) else { throw CallError("badRequest", "the text is not UTF-8") }
  return text
}

private nonisolated(unsafe) let versionText = UnsafePointer<CChar>?(strdup(programVersion))

@_cdecl("tt_version")
public func trimtabVersion() -> UnsafePointer<CChar>? { versionText }

@_cdecl("tt_open")
public func trimtabOpen(
  _ request: UnsafePointer<CChar>?, _ answer: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
) -> Int64 {
  do {
    let session = try OpenRequest(try text(request)).session()
    return HeldStudies.shared.hold(HeldStudy(session, version: programVersion))
  } catch {
    answer?.pointee = copied(errorText(error))
    return 0
  }
}

@_cdecl("tt_request")
public func trimtabRequest(_ study: Int64, _ request: UnsafePointer<CChar>?) -> UnsafeMutablePointer<CChar>? {
  do {
    return copied(try HeldStudies.shared.study(study).answer(try text(request)))
  } catch {
    return copied(errorText(error))
  }
}

@_cdecl("tt_ask")
public func trimtabAsk(_ study: Int64, _ call: UnsafeMutablePointer<tt_call>?) -> Int32 {
  guard let call else { return failed }
  call.pointee.text = nil
  do {
    return try HeldStudies.shared.study(study).use { session in
      switch try session.ask() {
      case .wait: return 1
      case .finished(let reason):
        call.pointee.text = copied(reason)
        return 2
      case .run(let run):
        fill(call, run, session)
        return 0
      }
    }
  } catch {
    call.pointee.text = copied(errorText(error))
    return failed
  }
}

private func fill(_ call: UnsafeMutablePointer<tt_call>, _ run: TrialRun, _ session: Session) {
  call.pointee.trial = Int64(run.trial)
  call.pointee.attempt = Int64(run.attempt)
  call.pointee.seed = Int64(run.seed)
  call.pointee.revision = Int64(session.revision)
  call.pointee.count = Int64(run.configuration.slots.count)
  call.pointee.has_notes = session.hasNotes(run.trial) ? 1 : 0
  call.pointee.target = run.target ?? .nan
  call.pointee.reached = session.hasFidelity ? run.reached : .nan
  guard let values = call.pointee.values else { return }
  for (index, value) in run.configuration.slots.prefix(Int(max(0, call.pointee.capacity))).enumerated() {
    values[index] = value
  }
}

/// The objectives that a call gives, in the study's order.
private func metrics(_ call: tt_call, _ session: Session) throws -> [MetricValue] {
  let objectives = session.objectives
  let count = Int(call.count)
  guard count >= 0, count <= objectives.count, count == 0 || call.values != nil else {
    throw CallError("badRequest", "the study has \(objectives.count) objectives, and \(count) values are given")
  }
  return (0..<count).map { MetricValue(objectives[$0].metric, call.values[$0]) }
}

private func withTrial(
  _ study: Int64, _ call: UnsafeMutablePointer<tt_call>?, _ body: (Session, inout tt_call) throws -> Int32
) -> Int32 {
  guard let call else { return failed }
  call.pointee.text = nil
  do {
    return try HeldStudies.shared.study(study).use { try body($0, &call.pointee) }
  } catch {
    call.pointee.text = copied(errorText(error))
    return failed
  }
}

@_cdecl("tt_report")
public func trimtabReport(_ study: Int64, _ call: UnsafeMutablePointer<tt_call>?) -> Int32 {
  withTrial(study, call) { session, call in
    let resource = call.resource.isNaN ? nil : call.resource
    let metrics = try metrics(call, session)
    switch try session.report(Int(call.trial), resource: resource, metrics) {
    case .proceed: return 0
    case .pause: return 1
    case .stop: return 2
    }
  }
}

@_cdecl("tt_complete")
public func trimtabComplete(_ study: Int64, _ call: UnsafeMutablePointer<tt_call>?) -> Int32 {
  withTrial(study, call) { session, call in
    let resource = call.resource.isNaN ? nil : call.resource
    let seconds = call.seconds.isFinite && call.seconds > 0 ? call.seconds : 0
    let metrics = try metrics(call, session)
    let (state, why) = try session.completion(Int(call.trial), resource: resource, metrics, seconds: seconds)
    call.text = why.flatMap(copied)
    return Int32(state.rawValue)
  }
}

@_cdecl("tt_close")
public func trimtabClose(_ study: Int64) -> UnsafeMutablePointer<CChar>? {
  do {
    try HeldStudies.shared.release(study).close()
    return nil
  } catch {
    return copied(errorText(error))
  }
}

@_cdecl("tt_free")
public func trimtabFree(_ text: UnsafeMutablePointer<CChar>?) { free(text) }
