import ArgumentParser
import Trimtab

struct ProposeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "propose", abstract: "Say what a method would try next, without running it.",
    discussion: """
      Each proposal counts as pending for the next, so several keep apart. Nothing is changed, unless --enqueue puts them \
      in the study's queue.

      From a table of results that will not grow, such as one that 'trimtab import csv' has read:

        trimtab propose results.trimtab --sampler ignite --count 8
      """)

  @OptionGroup var study: StudyArguments

  @Option(help: "The number of proposals.")
  var count: Int = 1

  @Option(help: "A sampler with its usual options, instead of the study's.")
  var sampler: String?

  @Flag(help: "Put the proposals in the queue of those to try next.")
  var enqueue = false

  @Flag(help: "Print a JSON object.")
  var json = false

  func validate() throws {
    guard (1...1000).contains(count) else { throw ValidationError("--count must be between 1 and 1000, not \(count)") }
  }

  func run() throws {
    try reporting {
      let location = try study.locate()
      let fold = try LogFold(log: try location.openLog()) { spec in
        var spec = spec
        if let sampler { spec.method.sampler = PartSpec(sampler) }
        return try Catalogue.makeMethod(spec)
      }
      let (found, reason) = try Self.proposals(fold, count)
      if found.isEmpty {
        throw CommandError(.notFound, "there is nothing to propose: \(reason ?? "the method waits for running trials")")
      }
      if enqueue {
        let session = try Session.open(try location.openLog(.open))
        for proposal in found { _ = try session.enqueue(proposal.configuration) }
      }
      show(found, reason, fold.state)
    }
  }

  struct Found {
    var configuration: Configuration
    var annotation: Annotation
  }

  /// What the method proposes one after the other, each pending for the next.
  /// - Returns: the proposals, and why there are not more of them.
  static func proposals(_ fold: LogFold, _ count: Int) throws -> (found: [Found], reason: String?) {
    var state = fold.state
    var method = fold.method
    var found: [Found] = []
    while found.count < count {
      switch try method.propose(state: state, mayStartNew: true, canResume: { _ in false }) {
      case .new(let configuration, let target, let annotation):
        found.append(Found(configuration: configuration, annotation: annotation))
        let event = Event(
          time: state.latestTime, .trialProposed(state.trials.count, .new(configuration), target: target, annotation))
        try state.absorb(event)
        method.absorb(event, state: state)
      case .resume, .wait: return (found, "the method waits for running trials")
      case .exhausted(let reason): return (found, reason)
      }
    }
    return (found, nil)
  }

  private func show(_ found: [Found], _ reason: String?, _ state: StudyState) {
    let space = state.spec.space
    if json {
      let proposals = found.map { proposal in
        JSONValue.members([
          "config": space.json(of: proposal.configuration),
          "origin": proposal.annotation.origin.map { .string($0.name) },
          "weakened": proposal.annotation[.weakened] == 1 ? .bool(true) : nil,
        ])
      }
      print(
        JSONValue.members([
          "study": .string(state.spec.name), "sampler": .string(sampler ?? state.spec.method.sampler.name),
          "enqueued": .bool(enqueue), "proposals": .array(proposals),
        ]).prettyText)
      return
    }
    for proposal in found {
      print(Shown.configuration(proposal.configuration, in: space, exact: true))
    }
    if let reason { printError("note: \(Shown.count(found.count, "proposal")) of \(count): \(reason)") }
    if found.contains(where: { $0.annotation.origin == .fallback }) {
      printError("note: the model could not be used for some of them, and they are random")
    }
  }
}
