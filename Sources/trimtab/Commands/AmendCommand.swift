import ArgumentParser
import Trimtab

struct AmendCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "amend", abstract: "Change a study that has begun; what was observed stays.",
    discussion: """
      A change is a key of the study file and its new value; null removes the key:

        trimtab amend digits.yaml --set budget.trials=200 --set space.lr.high=1

      Running tuners take the change up with their next trial. The study file is not changed: make the same change \
      there, or 'trimtab tune' will ask which of the two counts.
      """)

  @OptionGroup var study: StudyArguments

  @Option(name: .customLong("set"), help: ArgumentHelp("A change, such as budget.trials=200.", valueName: "key=value"))
  var changes: [String]

  @Flag(help: "Print the changes as JSON.")
  var json = false

  func run() throws {
    try reporting {
      let changes = try self.changes.map { try StudySpec.change($0) }
      let location = try study.locate()
      let session = try Session.open(try location.openLog(.open))
      var before = session.state.spec
      var after = before
      try session.amend { present in
        before = present
        after = try present.applying(changes)
        return after
      }
      let differences = SpecDifference.list(from: before, to: after)
      if json {
        print(JSONValue.members(["changes": .array(differences.map(\.json))]).text)
      } else if differences.isEmpty {
        print("nothing changes: the study \(before.name) has these values already")
      } else {
        for difference in differences { print(difference.line("→")) }
      }
    }
  }
}
