/// What ends the program early, with a message for the user.
enum Failure: Error, Equatable {
  /// The command line or the environment is wrong: exit status 2.
  case usage(String)
  /// Something outside went wrong while running (a file, a disk): exit status 1.
  case environment(String)

  var message: String {
    switch self {
    case .usage(let message), .environment(let message): message
    }
  }

  /// The exit status.
  var status: Int32 {
    switch self {
    case .usage: 2
    case .environment: 1
    }
  }
}
