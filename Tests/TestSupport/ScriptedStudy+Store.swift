import TrimtabStores
import TrimtabStudies

extension ScriptedStudy {
  /// Writes the study into a store file.
  /// - Throws: `StoreError`.
  public func write(to path: String) throws {
    let store = try SQLiteStore(path: path, access: .createOrOpen)
    let frames = frames()
    let (log, _) = try store.createOrOpenStudy(state.spec.name, firstFrame: frames[0].bytes)
    for (position, bytes) in frames.dropFirst() {
      try log.append(from: position) { _, _ in
      } decide: {
        (position, bytes)
      }
    }
  }
}
