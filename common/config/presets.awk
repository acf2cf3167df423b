# conf/presets/*.conf -> a C table. A line is "KEY = VALUE", a comment that begins with '#', or empty; anything else ends the build.
# What keys and values mean is not known here: the tests read every file as a configuration.
BEGIN {
        print "/* Made by presets.awk from conf/presets. */"
        print "#include \"config/parse.h\"\n"
        print "const struct config_preset_value config_preset_values[] = {"
}
FNR == 1 {
        name = FILENAME
        sub(/.*\//, "", name)
        sub(/\.conf$/, "", name)
        names = names "        \"" name "\",\n"
}
/^#/ || /^$/ { next }
!/^[a-z_]+ =( [^ ].*)?$/ || /[ \t]$/ || /[ \t][;#]/ {
        print FILENAME ":" FNR ": not KEY = VALUE" > "/dev/stderr"
        failed = 1
        exit 1
}
{
        key = value = $0
        sub(/ =.*/, "", key)
        sub(/^[a-z_]+ = ?/, "", value)
        gsub(/["\\]/, "\\\\&", value)
        print "        { \"" name "\", \"" key "\", \"" value "\" },"
}
END {
        if (failed)
                exit 1
        print "        { NULL, NULL, NULL },\n};\n\nconst char *const config_preset_names[] = {\n" names "        NULL,\n};"
}
