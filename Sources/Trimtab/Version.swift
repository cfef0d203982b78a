/// The version of the program, of its library and of the Python package.
public let programVersion = "0.1.0"
