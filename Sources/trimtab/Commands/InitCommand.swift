import ArgumentParser
import Trimtab
import TrimtabInterchange

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

struct InitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "init", abstract: "Write a study file to begin with.",
    usage: """
      trimtab init [--output <file>] [--force] [<script>]
      trimtab init [--output <file>] [--force] -- <program> <argument> ...
      trimtab init --from-configspace <file> [-- <program> <argument> ...]
      trimtab init --schema
      """,
    discussion: """
      With a program, its --help is run (for at most 10 seconds) to propose parameters and ranges:

        trimtab init train.py
        trimtab init -- python3 -m trainer --data images

      The proposals are guesses: read the file before you tune.
      """)

  @Option(help: "The file to write; - writes to standard output.")
  var output = "study.yaml"

  @Flag(help: "Write over a file that exists.")
  var force = false

  @Option(help: ArgumentHelp("Take the search space from a JSON file of ConfigSpace's.", valueName: "file"))
  var fromConfigspace: String?

  @Flag(help: "Print the JSON Schema of study files, for editors.")
  var schema = false

  @Flag(help: "Print what was written as JSON.")
  var json = false

  @Argument(help: ArgumentHelp("A script or program; after -- a command with arguments.", valueName: "script"))
  var words: [String] = []

  func run() throws {
    try reporting {
      if schema {
        print(studySchema.prettyText)
        return
      }
      if output != "-", !force, access(output, F_OK) == 0 {
        throw CommandError(
          .failure, "\(output): the file exists (choose another with --output, or write over it with --force)")
      }
      let command = try words.isEmpty ? [] : makeCommand()
      if let fromConfigspace {
        try write(spaceOf: fromConfigspace, command)
        return
      }
      let name = studyName(command)
      let (help, source, warnings) = try findHelp(command)
      let text = StudyFile.template(name: name, command: command, help: help)
      for warning in warnings { printError("notice: \(warning)") }
      if output == "-" {
        print(text, terminator: "")
        return
      }
      try write(text)
      let file = try StudyFile.parse(text, name: output, defaultName: name)
      let isProposed = help != nil && text != StudyFile.template(name: name, command: command, help: nil)
      printResult(file.spec, source: isProposed ? source : nil)
    }
  }

  private func write(spaceOf path: String, _ command: [String]) throws {
    let reader = try ConfigSpaceReader(path: path)
    let name = words.isEmpty ? reader.name ?? studyName([]) : studyName(command)
    let text = StudyFile.template(name: name, command: command, help: nil, space: reader.space)
    // A name that a command cannot have is the source's, so it is found before anything is written.
    let file = try StudyFile.parse(text, name: output, defaultName: name)
    if output == "-" {
      print(text, terminator: "")
      return
    }
    try write(text)
    printResult(file.spec, source: path)
  }

  private func printResult(_ spec: StudySpec, source: String?) {
    let names = spec.space.parameters.map(\.name)
    if json {
      print(
        JSONValue.members([
          "file": .string(output), "study": .string(spec.name), "source": source.map { .string($0) } ?? .null,
          "parameters": .array(names.map { .string($0) }),
        ]).text)
      return
    }
    if let source {
      print("wrote \(output); from \(source): \(names.joined(separator: ", "))")
    } else {
      print("wrote \(output) with an example; put your own program and parameters in their places")
    }
    print("then:  trimtab tune \(shellWord(output))")
  }

  /// The command for the words given: a single one may be a script.
  private func makeCommand() throws -> [String] {
    var command = words
    if words.count == 1, words[0].hasSuffix(".py") {
      command = ["python3", words[0]]
    } else if words.count == 1, !words[0].contains("/"), access(words[0], F_OK) == 0 {
      command = ["./" + words[0]]
    }
    if words.count == 1, words[0].contains("/") || words[0].hasSuffix(".py"), access(words[0], F_OK) != 0 {
      throw CommandError(.notFound, "\(words[0]): there is no such file")
    }
    // Commands start in the folder of the study file, which may be another than this one.
    let folder = StudyLocation.folder(of: output)
    guard output != "-", folder != "." else { return command }
    return command.map { word in
      !word.hasPrefix("/") && word.contains(where: { $0 == "/" || $0 == "." }) && access(word, F_OK) == 0
        ? absolutePath(word) : word
    }
  }

  private func studyName(_ command: [String]) -> String {
    let named = command.first { $0.hasSuffix(".py") } ?? command.first ?? output
    let file = named.split(separator: "/").last.map(String.init) ?? "study"
    return file == "-" ? "study" : String(file.split(separator: ".").first ?? "study")
  }

  /// What tells of the program's options: its help, or the source of a Python script.
  private func findHelp(_ command: [String]) throws -> (text: String?, source: String?, warnings: [String]) {
    guard !command.isEmpty else { return (nil, nil, []) }
    let shown = (command + ["--help"]).map(shellWord).joined(separator: " ")
    var warnings: [String] = []
    do {
      let help = try ProgramHelp.read(command, in: ".")
      if help.wasEnded {
        warnings.append("'\(shown)' was ended after \(ProgramHelp.patience): it did not end by itself")
      }
      if proposes(help.text, command) { return (help.text, "'\(shown)'", warnings) }
    } catch let error as LaunchError {
      warnings.append("'\(shown)' could not be run: \(error)")
    }
    if let script = command.first(where: { $0.hasSuffix(".py") }), let source = try? readText(script),
      proposes(source, command)
    {
      return (source, "the source of \(script)", warnings)
    }
    return (nil, nil, warnings)
  }

  /// Whether parameters can be found in a text.
  private func proposes(_ text: String, _ command: [String]) -> Bool {
    StudyFile.template(name: "study", command: command, help: text)
      != StudyFile.template(name: "study", command: command, help: nil)
  }

  private func write(_ text: String) throws {
    let flags = O_WRONLY | O_CREAT | O_CLOEXEC | (force ? O_TRUNC : O_EXCL)
    let file = open(output, flags, 0o644)
    guard file >= 0 else {
      throw CommandError(.failure, "\(output): cannot be written: \(String(cString: strerror(errno)))")
    }
    defer { close(file) }
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Self.write(file, $0) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else {
        throw CommandError(.failure, "\(output): cannot be written: \(String(cString: strerror(errno)))")
      }
      bytes = bytes.dropFirst(count)
    }
  }

  private static func write(_ file: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
    #if canImport(Glibc)
      Glibc.write(file, bytes.baseAddress, bytes.count)
    #else
      Darwin.write(file, bytes.baseAddress, bytes.count)
    #endif
  }
}
