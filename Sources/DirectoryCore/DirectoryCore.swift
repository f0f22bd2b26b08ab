// DirectoryCore
