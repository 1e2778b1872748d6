# manage/
