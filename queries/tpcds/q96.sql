--! title = "Store sales in half an hour to one household size"
--! question = "How many items do households with a number of dependents buy in the stores of one name in the second half of an hour?"
--! param.DEPCNT = { default = 7, int = [0, 9] }
--! param.HOUR = { default = "20", sql = ["20", "15", "16", "8"] }
--! deviations = ["the count, unnamed in the definition, is called sale_count"]

select count(*) as sale_count
from store_sales
join household_demographics on ss_hdemo_sk = hd_demo_sk
join time_dim on ss_sold_time_sk = t_time_sk
join store on ss_store_sk = s_store_sk
where t_hour = {HOUR}
    and t_minute >= 30
    and hd_dep_count = {DEPCNT}
    and s_store_name = 'ese'
order by count(*)
limit 100
