import TrimtabSearchSpaces

// Apart from the rest, so that a program that reads no study files is linked without a reader of YAML.

extension StudyFile {
  /// Reads a study file, YAML or JSON.
  /// - Parameters:
  ///   - name: what errors call the text, such as the file's path.
  ///   - defaultName: the study's name when the file gives none.
  /// - Throws: `Diagnostics` with every error found, each at its place.
  public static func parse(_ text: String, name: String, defaultName: String) throws(Diagnostics) -> StudyFile {
    let root = try SourceNode.parse(text, name: name)
    return try StudyFile(root: root, source: SourceText(name: name, text: text), defaultName: defaultName)
  }
}

extension StudySpec {
  /// Reads a study file, YAML or JSON; a file that gives no name is a study named "study".
  /// - Parameter name: what errors call the text, such as the file's path.
  /// - Throws: `Diagnostics` with every error found, each at its place.
  public static func parse(_ text: String, name: String) throws(Diagnostics) -> StudySpec {
    try StudyFile.parse(text, name: name, defaultName: "study").spec
  }
}
