import TrimtabSearchSpaces

extension StudySpec {
  public static func parse(_ text: String, name: String) throws(Diagnostics) -> StudySpec {
    throw Diagnostics(source: SourceText(name: name, text: text))
  }

  public func checkSucceeds(_ earlier: StudySpec) throws(SpaceError) {
    try space.checkSucceeds(earlier.space)
  }
}

extension StudySpec {
  public var json: JSONValue { .null }
}
