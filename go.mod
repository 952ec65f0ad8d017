module matinee

go 1.26
