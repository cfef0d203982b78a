import ArgumentParser
import Trimtab

/// Whether a command's result is printed for people or for programs.
struct OutputOptions: ParsableArguments {
  @Flag(help: "Print JSON (docs/json.md).")
  var json = false

  func show(_ document: @autoclosure () -> JSONValue, _ lines: () throws -> [String]) rethrows {
    if json { print(document().prettyText) } else { Output.print(try lines()) }
  }
}
